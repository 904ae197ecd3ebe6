import { loadSplitName } from '../split-name-module.ts';
import { splitMemberName, type SplitName } from '../sample.ts';
import { openShard } from '../source/open-shard.ts';
import type { ShardBytes } from '../source/shard-bytes.ts';
import { BLOCK_SIZE } from '../tar/header.ts';
import { SlotDecoder } from './slot-decoder.ts';
import { toErrorRecord } from './error-record.ts';
import {
  type CloseReply,
  type CloseRequest,
  type DecodeReply,
  type DecodeRequest,
  NO_WINDOW,
  type OpenReply,
  type OpenRequest,
  type ScanRange,
  type ScanReply,
  type ScanRequest,
  type WorkerReply,
  type WorkerRequest,
  type WorkerSetup,
} from './protocol.ts';
import { ShardScan } from './shard-scan.ts';

/** A use of a shard. */
interface Cursor {
  /** Ends its reads, where they can be ended. */
  readonly abort: AbortController;
  bytes?: ShardBytes;
  scan?: ShardScan;
  /** It is not wanted any more. */
  closing?: Promise<void>;
}

/** The work itself, the same in a worker thread and in the caller's: scanning shards and decoding samples. */
export class Jobs implements AsyncDisposable {
  readonly #setup: WorkerSetup;
  readonly #cursors = new Map<number, Cursor>();
  readonly #abort = new AbortController();
  #ownWindow: Buffer | undefined;
  #decoder: Promise<SlotDecoder> | undefined;
  #splitName: Promise<SplitName> | undefined;

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
  }

  /** Does what a message asks. */
  async run(request: WorkerRequest): Promise<WorkerReply> {
    switch (request.kind) {
      case 'scan':
        return this.scan(request);
      case 'open':
        return this.open(request);
      case 'decode':
        return this.decode(request);
      case 'close':
        return this.close(request);
    }
  }

  /** Scans the next window of a shard; a shard that cannot be opened is one without samples that ends in that failure. */
  async scan({ cursor: id, range, window }: ScanRequest): Promise<ScanReply> {
    if (range !== undefined) {
      const cursor = this.#add(id);
      try {
        const names = await this.#names();
        cursor.bytes = await openShard(range.location, { signal: cursor.abort.signal });
        cursor.scan = new ShardScan(cursor.bytes, await checkedRange(range, cursor.bytes), this.#setup.fields, names);
      } catch (error) {
        await this.close({ kind: 'close', cursor: id });
        return { ...NOTHING_FOUND, failure: toErrorRecord(error) };
      }
    }
    const { scan, closing } = this.#cursors.get(id) ?? {};
    if (scan === undefined || closing !== undefined) return { ...NOTHING_FOUND, failure: undefined }; // It was given up.
    const reply = await scan.next(this.#windowMemory(window));
    if (reply.ended && reply.spooled === undefined) await this.close({ kind: 'close', cursor: id });
    return reply;
  }

  /** Opens a shard for other threads. One that they can open as well themselves is not kept. */
  async open({ cursor: id, location }: OpenRequest): Promise<OpenReply> {
    const cursor = this.#add(id);
    try {
      cursor.bytes = await openShard(location, { signal: cursor.abort.signal });
    } catch (error) {
      this.#cursors.delete(id);
      throw error;
    }
    const found = cursor.bytes.location;
    if (found.kind !== 'spooled') await this.close({ kind: 'close', cursor: id });
    return { kind: 'open', location: found };
  }

  /** Says that a cursor is not wanted any more, before its turn to be closed comes: what waits for a server ends. */
  cancel(id: number): void {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined) return;
    cursor.abort.abort(GIVEN_UP);
    cursor.closing ??= closeCursor(cursor);
    cursor.closing.catch(() => undefined); // Whoever closes it sees the error.
  }

  /** Gives up a use of a shard; one that has ended is none. */
  async close({ cursor: id }: CloseRequest): Promise<CloseReply> {
    const cursor = this.#cursors.get(id);
    this.#cursors.delete(id);
    if (cursor !== undefined) await (cursor.closing ??= closeCursor(cursor));
    return { kind: 'close' };
  }

  /** Decodes samples into a slot. */
  async decode(request: DecodeRequest): Promise<DecodeReply> {
    this.#decoder ??= SlotDecoder.create(this.#setup, this.#abort.signal);
    return (await this.#decoder).decode(request);
  }

  /** Ends what waits for a server. */
  abort(): void {
    this.#abort.abort(GIVEN_UP);
    for (const cursor of this.#cursors.keys()) this.cancel(cursor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await Promise.all(Array.from(this.#cursors.keys(), (cursor) => this.close({ kind: 'close', cursor })));
  }

  #add(id: number): Cursor {
    const cursor: Cursor = { abort: new AbortController() };
    this.#cursors.set(id, cursor);
    return cursor;
  }

  #names(): Promise<SplitName> {
    const { splitName } = this.#setup;
    return (this.#splitName ??= splitName === undefined ? Promise.resolve(splitMemberName) : loadSplitName(splitName));
  }

  #windowMemory(window: number): Buffer {
    const { windows, windowBytes } = this.#setup;
    if (window !== NO_WINDOW) return Buffer.from(windows, window * windowBytes, windowBytes);
    return (this.#ownWindow ??= Buffer.allocUnsafeSlow(windowBytes));
  }
}

async function closeCursor({ bytes }: Cursor): Promise<void> {
  await bytes?.[Symbol.asyncDispose]();
}

const GLOBAL_PAX = 0x67;

/** A pass over a shard that begins with a global PAX header must begin there, too. */
async function checkedRange(range: ScanRange, bytes: ShardBytes): Promise<ScanRange> {
  if (!range.isGuess) return range;
  const header = await bytes.read(Buffer.alloc(BLOCK_SIZE), 0);
  return header[TYPE_FLAG_AT] === GLOBAL_PAX ? { ...range, offset: 0, sample: 0 } : range;
}

const TYPE_FLAG_AT = 156;

const GIVEN_UP = new Error('the shard is not wanted any more');

const NOTHING_FOUND = {
  kind: 'scan',
  keys: [],
  first: 0,
  members: new Float64Array(),
  faults: [],
  ended: true,
  spooled: undefined,
  bytes: 0,
  busyMs: 0,
} satisfies Omit<ScanReply, 'failure'>;

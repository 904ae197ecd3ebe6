import { WebDatasetError } from '../errors.ts';
import type { Crew } from '../workers/crew.ts';
import { fromErrorRecord, toErrorRecord } from '../workers/error-record.ts';
import { NO_WINDOW, type ScanRange, type ScanReply } from '../workers/protocol.ts';
import type { PlannedVisit } from './planned-visits.ts';
import { chunkWidth, type ReferenceChunk } from './reference.ts';
import type { SeekSample } from './sample-seeker.ts';
import type { ShardUse, ShardUses } from './shard-use.ts';
import type { ReadMeter } from './stage-meters.ts';
import type { WindowLease, WindowPool } from './window-pool.ts';

/** What comes of a window. */
export interface ScannedChunk {
  readonly references: ReferenceChunk;
  /** Why the visit ends here, if it ends too early. */
  readonly failure: WebDatasetError | undefined;
}

/** What a reader works with. */
export interface ReaderResources {
  readonly crew: Crew;
  readonly windows: WindowPool;
  readonly uses: ShardUses;
  /** Number of fields. */
  readonly fields: number;
  readonly meter: ReadMeter;
  readonly seek: SeekSample;
  readonly signal: AbortSignal;
}

/** A visit under way. */
interface Cursor {
  readonly use: ShardUse;
  readonly planned: PlannedVisit;
  readonly ready: { readonly chunk: ScannedChunk; readonly lease: WindowLease | undefined }[];
  /** The scan under way. */
  pending: Promise<void> | undefined;
  isFirst: boolean;
  /** Nothing is left to scan. */
  ended: boolean;
}

/**
 * The samples of some visits in canonical order: visit after visit, each in archive order. While one shard is being used, the readers
 * of the crew read the following ones, as far ahead as the crew allows. The shard being used always goes on, if need be without a
 * window, so that reading ahead never blocks it.
 */
export class ReferenceReader implements AsyncDisposable {
  readonly #resources: ReaderResources;
  readonly #visits: Iterator<PlannedVisit>;
  /** Visits that are open or not yet handed out in full, in canonical order. */
  readonly #cursors: Cursor[] = [];
  readonly #idleReaders: number[];
  #windowsAhead = 0;
  #allOpened = false;
  #failure: Error | undefined;
  #stopped = false;

  constructor(resources: ReaderResources, visits: Iterable<PlannedVisit>) {
    this.#resources = resources;
    this.#visits = visits[Symbol.iterator]();
    const { readers } = resources.crew;
    this.#idleReaders = Array.from({ length: readers }, (_, reader) => readers - 1 - reader);
  }

  /** The next window's samples; undefined at the end of the visits. */
  async next(): Promise<ScannedChunk | undefined> {
    for (;;) {
      this.#readAhead();
      const head = this.#cursors[0] ?? this.#openNext();
      if (head === undefined) return undefined;
      const first = head.ready.shift();
      if (first !== undefined) {
        if (first.lease !== undefined) {
          this.#windowsAhead--;
          this.#resources.windows.allowReclaim(first.lease);
        }
        if (head.ended && head.ready.length === 0) this.#cursors.shift();
        this.#readAhead();
        return first.chunk;
      }
      if (head.pending === undefined) this.#scan(head, this.#resources.windows.take());
      await head.pending;
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  /** Ends the reads under way and gives up the rest. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#resources.meter.idle(false);
    const { crew } = this.#resources;
    const closing = this.#cursors.filter(({ ended }) => !ended).map(({ use }) => crew.close(use.reader, use.cursor));
    for (const { pending } of this.#cursors) await pending;
    await Promise.all(closing);
  }

  /** Starts what may be read before it is needed: the next window of each open shard, and further shards on idle readers. */
  #readAhead(): void {
    if (this.#stopped || this.#failure !== undefined) return;
    for (const cursor of this.#cursors) this.#scanAhead(cursor);
    while (this.#mayReadAhead()) {
      const cursor = this.#openNext();
      if (cursor === undefined) break;
      this.#scanAhead(cursor);
    }
    const isReading = this.#cursors.some(({ pending }) => pending !== undefined);
    const isDone = this.#allOpened && this.#cursors.every(({ ended }) => ended);
    this.#resources.meter.idle(!isReading && !isDone);
    this.#resources.meter.queued = this.#windowsAhead;
  }

  #mayReadAhead(): boolean {
    return this.#windowsAhead < this.#resources.crew.windowsAhead;
  }

  #scanAhead(cursor: Cursor): void {
    if (cursor.ended || cursor.pending !== undefined || !this.#mayReadAhead()) return;
    const lease = this.#resources.windows.take();
    if (lease !== undefined) this.#scan(cursor, lease);
  }

  /** Begins the next visit; undefined when there is none, or every reader has one. */
  #openNext(): Cursor | undefined {
    if (this.#allOpened || this.#idleReaders.length === 0) return undefined;
    const next = this.#visits.next();
    const reader = next.done === true ? undefined : this.#idleReaders.pop();
    if (next.done === true || reader === undefined) {
      this.#allOpened = true;
      return undefined;
    }
    const use = this.#resources.uses.begin(next.value.visit.shard, reader);
    const cursor: Cursor = { use, planned: next.value, ready: [], pending: undefined, isFirst: true, ended: false };
    this.#cursors.push(cursor);
    return cursor;
  }

  #scan(cursor: Cursor, lease: WindowLease | undefined): void {
    if (lease !== undefined) this.#windowsAhead++;
    this.#resources.meter.idle(false);
    cursor.pending = this.#scanned(cursor, lease?.slot ?? NO_WINDOW)
      .then(
        (reply) => this.#take(reply, cursor, lease),
        (error: unknown) => {
          if (lease !== undefined) this.#resources.windows.release(lease);
          this.#failure ??= error instanceof Error ? error : new Error(String(error));
        },
      )
      .then(() => {
        cursor.pending = undefined;
        this.#readAhead();
      });
  }

  async #scanned(cursor: Cursor, window: number): Promise<ScanReply> {
    const { crew, signal } = this.#resources;
    let range: ScanRange | undefined;
    if (cursor.isFirst) {
      cursor.isFirst = false;
      const { visit, sample, offset } = cursor.planned;
      const location = await cursor.use.locate(signal).catch((error: unknown) => {
        if (error instanceof WebDatasetError && !signal.aborted) return error;
        throw error;
      });
      if (location instanceof WebDatasetError) return nothingOf(location);
      const found = offset ?? (sample === 0 ? 0 : await this.#resources.seek(visit.shard, sample));
      const start = found === undefined ? { offset: 0, sample: 0 } : { offset: found, sample };
      range = { location, ...start, isGuess: offset === undefined && start.offset > 0, first: sample, end: visit.end };
    }
    return crew.scan(cursor.use.reader, { kind: 'scan', cursor: cursor.use.cursor, range, window });
  }

  #take(reply: ScanReply, cursor: Cursor, lease: WindowLease | undefined): void {
    const { use, planned } = cursor;
    const { meter, fields } = this.#resources;
    meter.add(reply.keys.length, reply.bytes, reply.busyMs, use.shard);
    if (reply.spooled !== undefined) use.openAt(reply.spooled);
    const faults = new Map(reply.faults.map(({ index, error }) => [index, fromErrorRecord(error)]));
    const good = reply.keys.length - faults.size;
    use.hold(good);
    if (lease !== undefined) lease.remaining += good;
    const references: ReferenceChunk = {
      use,
      round: planned.round,
      visit: planned.number,
      keys: reply.keys,
      first: reply.first,
      members: reply.members.subarray(0, reply.keys.length * chunkWidth(fields)),
      faults,
      lease,
    };
    const failure = reply.failure && fromErrorRecord(reply.failure);
    cursor.ready.push({ chunk: { references, failure }, lease });
    cursor.ended = reply.ended;
    if (!reply.ended || this.#stopped) return;
    use.release();
    this.#idleReaders.push(use.reader);
  }
}

/** What is found in a shard that cannot be located. */
function nothingOf(failure: WebDatasetError): ScanReply {
  return {
    kind: 'scan',
    keys: [],
    first: 0,
    members: new Float64Array(),
    faults: [],
    failure: toErrorRecord(failure),
    ended: true,
    spooled: undefined,
    bytes: 0,
    busyMs: 0,
  };
}

import { ImageDecoder } from '../decode/image.ts';
import { DecodeFault } from '../decode/raster.ts';
import { WebDatasetError } from '../errors.ts';
import { ShardFile } from '../shard-file.ts';
import { toErrorRecord } from './error-record.ts';
import {
  type CloseReply,
  type CloseRequest,
  type DecodeReply,
  type DecodeRequest,
  type ImageFailure,
  NO_WINDOW,
  type ScanReply,
  type ScanRequest,
  type SharedMemory,
  SOURCE_WORDS,
  type WorkerReply,
  type WorkerRequest,
} from './protocol.ts';
import { ShardScan } from './shard-scan.ts';

/** Largest image file that is read: far above any real one, and far below what a damaged size could ask for. */
const MAX_IMAGE_FILE_BYTES = 256 * 1024 * 1024;

/** The work itself, the same in a worker thread and in the caller's: scanning shards and decoding images. */
export class Jobs implements Disposable {
  readonly #memory: SharedMemory;
  readonly #stop: Int32Array;
  readonly #scans = new Map<number, ShardScan>();
  #ownWindow: Buffer | undefined;
  #decoder: Promise<ImageDecoder> | undefined;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
    this.#stop = new Int32Array(memory.stop);
  }

  /** Does what a message asks. */
  async run(request: WorkerRequest): Promise<WorkerReply> {
    switch (request.kind) {
      case 'scan':
        return this.scan(request);
      case 'decode':
        return this.decode(request);
      case 'close':
        return this.close(request);
    }
  }

  /** Scans the next window of a shard; a shard that cannot be opened is one without samples that ends in that failure. */
  scan({ cursor, shard, window }: ScanRequest): ScanReply {
    let scan = this.#scans.get(cursor);
    if (scan === undefined) {
      try {
        scan = new ShardScan(shard);
      } catch (error) {
        return {
          kind: 'scan',
          keys: [],
          labels: new Int32Array(),
          images: new Float64Array(),
          faults: [],
          failure: toErrorRecord(error),
          ended: true,
        };
      }
      this.#scans.set(cursor, scan);
    }
    const reply = scan.next(this.#windowMemory(window));
    if (reply.ended) this.close({ kind: 'close', cursor });
    return reply;
  }

  /** Gives up a pass; one that has ended is none. */
  close({ cursor }: CloseRequest): CloseReply {
    this.#scans.get(cursor)?.[Symbol.dispose]();
    this.#scans.delete(cursor);
    return { kind: 'close' };
  }

  /** Decodes images into a slot. */
  async decode({ slot, sources, shards }: DecodeRequest): Promise<DecodeReply> {
    const { shape, batchSize, slots } = this.#memory;
    const imageBytes = shape.height * shape.width * shape.channels;
    const failures: ImageFailure[] = [];
    using files = new OpenShards(shards);
    this.#decoder ??= ImageDecoder.create();
    const decoder = await this.#decoder;
    for (let index = 0; index * SOURCE_WORDS < sources.length && this.#stop[0] === 0; index++) {
      const target = Buffer.from(slots, (slot * batchSize + index) * imageBytes, imageBytes);
      try {
        const bytes = this.#imageBytes(sources, index * SOURCE_WORDS, files);
        // Most images take the synchronous way; waiting for a promise per image would cost as much as decoding a small one.
        if (!decoder.tryDecodeInto(bytes, shape, target)) await decoder.decodeOtherInto(bytes, shape, target);
      } catch (error) {
        failures.push({ index, ...failureOf(error) });
      }
    }
    return { kind: 'decode', failures };
  }

  [Symbol.dispose](): void {
    for (const scan of this.#scans.values()) scan[Symbol.dispose]();
    this.#scans.clear();
  }

  #imageBytes(sources: Float64Array, at: number, files: OpenShards): Buffer {
    const [window = NO_WINDOW, windowOffset = 0, shard = 0, offset = 0, size = 0] = sources.subarray(at, at + SOURCE_WORDS);
    if (window !== NO_WINDOW) return Buffer.from(this.#memory.windows, window * this.#memory.windowBytes + windowOffset, size);
    if (size > MAX_IMAGE_FILE_BYTES) throw new DecodeFault(`it has ${size} bytes, more than any image (${MAX_IMAGE_FILE_BYTES})`);
    const bytes = files.get(shard).read(Buffer.allocUnsafeSlow(size), offset);
    if (bytes.length < size) throw new WebDatasetError('WDS_TRUNCATED', 'the shard became shorter while it was read');
    return bytes;
  }

  #windowMemory(window: number): Buffer {
    const { windows, windowBytes } = this.#memory;
    if (window !== NO_WINDOW) return Buffer.from(windows, window * windowBytes, windowBytes);
    return (this.#ownWindow ??= Buffer.allocUnsafeSlow(windowBytes));
  }
}

/** The shards that one request reads single images from; none stays open after it, so a replaced shard is never read by old offsets for long. */
class OpenShards implements Disposable {
  readonly #paths: readonly string[];
  readonly #files = new Map<number, ShardFile>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get(index: number): ShardFile {
    let file = this.#files.get(index);
    if (file === undefined) {
      file = new ShardFile(this.#paths[index] ?? '');
      this.#files.set(index, file);
    }
    return file;
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
  }
}

/** A fault of one image; anything else is a fault of the thread and ends it. */
function failureOf(error: unknown): Omit<ImageFailure, 'index'> {
  if (error instanceof DecodeFault) return { code: 'WDS_DECODE', reason: `the image cannot be decoded: ${error.message}` };
  if (error instanceof WebDatasetError) return { code: error.code, reason: error.reason };
  throw error;
}

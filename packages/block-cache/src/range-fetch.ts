import { BlobError, type BlobBackend, type BlobProperties } from '@warpforge/blob-backend';
import { crc32 } from 'node:zlib';

import { abortReason } from './abort.ts';
import type { FetchPriority, FetchScheduler, FetchTicket } from './fetch-scheduler.ts';
import { CHUNK_BYTES, type Geometry } from './geometry.ts';
import type { MemoryBudget } from './memory-budget.ts';

/**
 * A range is received in buffers of this size, cut at its multiples: one kernel READ of the largest usual size lies in one buffer and
 * is answered without a copy, one `pwrite` stores it, and a range of 64 MiB never takes 64 MiB of memory.
 */
export const SEGMENT_BYTES = 1024 * 1024;

/** A piece of a range that has arrived: whole chunks with their checksums. */
export interface Segment {
  readonly firstChunk: number;
  readonly bytes: Uint8Array;
  readonly crcs: readonly number[];
}

/** What to fetch, and where it goes. */
export interface RangeFetchOptions {
  readonly backend: BlobBackend;
  readonly blob: Pick<BlobProperties, 'path' | 'etag'>;
  readonly geometry: Geometry;
  readonly firstChunk: number;
  /** The chunk after the last. */
  readonly endChunk: number;
  readonly priority: FetchPriority;
  /** Chunks from here on were not asked for by a reader when the fetch began. */
  readonly prefetchFrom: number;
  readonly scheduler: FetchScheduler;
  readonly memory: MemoryBudget;
  /** Stores a segment; must not reject. Its memory is given back when this resolves. */
  readonly onSegment: (fetch: RangeFetch, segment: Segment) => Promise<void>;
  /** These chunks will not come from this fetch. Called synchronously, so that the next reader asks anew. */
  readonly onForget: (fetch: RangeFetch, firstChunk: number, endChunk: number) => void;
}

interface Waiter {
  next: number;
  readonly end: number;
  readonly parts: Uint8Array[];
  readonly resolve: (parts: Uint8Array[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Buffered {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
  readonly crcs: number[];
  /** Whether a reader has a view of the bytes: then the buffer is not used again. */
  shared: boolean;
}

/**
 * One range request in progress. Any number of readers wait for parts of it, each gets its bytes as soon as its chunks are there, and
 * it lives as long as somebody waits or holds it: one reader that gives up doesn't touch the others.
 */
export class RangeFetch {
  readonly firstChunk: number;
  readonly endChunk: number;
  /** Settled when the network part and all stores are over; rejects with what broke the fetch. */
  readonly done: Promise<void>;
  /** Set when a segment could not be kept on disk. */
  unkept = false;
  readonly #options: RangeFetchOptions;
  readonly #geometry: Geometry;
  readonly #end: number;
  readonly #controller = new AbortController();
  readonly #ticket: FetchTicket;
  readonly #waiters = new Set<Waiter>();
  /** Segments in memory: the one that fills last, before it those that are being stored. */
  readonly #segments = new Set<Buffered>();
  readonly #stores = new Set<Promise<void>>();
  /** Chunks from `prefetchFrom` on that a reader has asked for meanwhile. */
  readonly #wanted = new Set<number>();
  #priority: FetchPriority;
  #position: number;
  /** First chunk that has not arrived whole. */
  #received: number;
  #countedUntil: number;
  #holds = 0;
  #ended = false;

  constructor(options: RangeFetchOptions) {
    this.#options = options;
    this.#geometry = options.geometry;
    this.firstChunk = options.firstChunk;
    this.endChunk = options.endChunk;
    this.#priority = options.priority;
    this.#position = options.firstChunk * CHUNK_BYTES;
    this.#countedUntil = this.#position;
    this.#end = options.geometry.chunkEnd(options.endChunk - 1);
    this.#received = options.firstChunk;
    this.#ticket = options.scheduler.enter(options.priority, this.#controller.signal);
    this.done = this.#run();
    this.done.catch(() => undefined); // Those who wait for bytes are told one by one.
  }

  /** Whether a reader waits, or has waited, for this. */
  get demand(): boolean {
    return this.#priority === 'demand';
  }

  /** Whether nothing more will arrive. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the bytes of a chunk have arrived. */
  has(chunk: number): boolean {
    return chunk < this.#received;
  }

  /** Whether `chunk` was brought ahead of its reader. Asking on behalf of a reader makes it wanted from now on. */
  want(chunk: number): boolean {
    if (chunk < this.#options.prefetchFrom || this.#wanted.has(chunk)) return false;
    this.#wanted.add(chunk);
    return true;
  }

  /** Whether no reader has asked for `chunk`. */
  isPrefetched(chunk: number): boolean {
    return chunk >= this.#options.prefetchFrom && !this.#wanted.has(chunk);
  }

  /** Waits for the bytes from `start` to `end`, which must lie in chunks of this range. They may come in several parts, in order. */
  wait(start: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array[]> {
    if (signal?.aborted === true) {
      this.#cancelIfUnused();
      return Promise.reject(abortReason(signal));
    }
    this.#promote();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        next: start,
        end,
        parts: [],
        resolve: (parts) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(parts);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      };
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        if (signal !== undefined) reject(abortReason(signal));
        this.#cancelIfUnused();
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      for (const segment of this.#segments) this.#serve(waiter, segment);
    });
  }

  /** Bytes that came for a warm-up and were not counted by an earlier call; 0 for other fetches. */
  takeWarmedBytes(): number {
    if (this.#options.priority !== 'warm') return 0;
    const bytes = this.#position - this.#countedUntil;
    this.#countedUntil = this.#position;
    return bytes;
  }

  /** Keeps the fetch going though no reader waits; returns the release, which may be called more than once. */
  hold(): () => void {
    this.#holds++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds--;
      this.#cancelIfUnused();
    };
  }

  /** Ends it now; waiters get `reason`. */
  abort(reason: Error): void {
    this.#controller.abort(reason);
    this.#fail(reason);
  }

  #promote(): void {
    if (this.#priority === 'demand') return;
    this.#priority = 'demand';
    this.#ticket.promote();
    this.#options.memory.reconsider();
  }

  #cancelIfUnused(): void {
    if (this.#ended || this.#holds > 0 || this.#waiters.size > 0 || this.#received === this.endChunk) return;
    this.abort(new DOMException('no reader waits for this range any more', 'AbortError'));
  }

  async #run(): Promise<void> {
    const { backend, blob } = this.#options;
    const signal = this.#controller.signal;
    let segment: Buffered | undefined;
    try {
      await this.#ticket.started;
      segment = await this.#openSegment();
      const length = this.#end - this.#position;
      for await (const piece of backend.read(blob.path, { offset: this.#position, length, ifMatch: blob.etag, signal })) {
        for (let taken = 0; taken < piece.length;) {
          signal.throwIfAborted();
          if (this.#position === this.#end) throw this.#brokenStream('more');
          segment ??= await this.#openSegment();
          const count = Math.min(piece.length - taken, segment.end - this.#position);
          segment.bytes.set(
            taken === 0 && count === piece.length ? piece : piece.subarray(taken, taken + count),
            this.#position - segment.start,
          );
          taken += count;
          this.#position += count;
          this.#advance(segment);
          if (this.#position === segment.end) {
            this.#store(segment);
            segment = undefined;
          }
        }
      }
      if (this.#position < this.#end) throw this.#brokenStream('fewer');
      this.#ended = true;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#ticket.release();
      if (segment !== undefined) {
        // Whole chunks that arrived before a break are as good as any.
        if (segment.crcs.length > 0) this.#store(segment);
        else this.#free(segment);
      }
      await Promise.all(this.#stores);
    }
  }

  async #openSegment(): Promise<Buffered> {
    const start = this.#position;
    const end = Math.min((Math.floor(start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES, this.#end);
    await this.#options.memory.take(end - start, () => this.demand, this.#controller.signal);
    const segment: Buffered = { start, end, bytes: this.#options.memory.buffer(end - start), crcs: [], shared: false };
    this.#segments.add(segment);
    return segment;
  }

  /** Takes note of the chunks that have become whole, and wakes those who waited for them. */
  #advance(segment: Buffered): void {
    const received = this.#position === this.#end ? this.endChunk : Math.floor(this.#position / CHUNK_BYTES);
    if (received === this.#received) return;
    for (let chunk = this.#received; chunk < received; chunk++) {
      segment.crcs.push(crc32(segment.bytes.subarray(chunk * CHUNK_BYTES - segment.start, this.#geometry.chunkEnd(chunk) - segment.start)));
    }
    this.#received = received;
    for (const waiter of this.#waiters) this.#serve(waiter, segment);
  }

  /** Hands a waiter what it wants of a segment, once all of that is there. */
  #serve(waiter: Waiter, segment: Buffered): void {
    if (waiter.next < segment.start || waiter.next >= segment.end) return;
    const end = Math.min(waiter.end, segment.end);
    if (this.#received < this.#geometry.chunkAfter(end)) return;
    segment.shared = true;
    waiter.parts.push(segment.bytes.subarray(waiter.next - segment.start, end - segment.start));
    waiter.next = end;
    if (end < waiter.end) return;
    this.#waiters.delete(waiter);
    waiter.resolve(waiter.parts);
    this.#cancelIfUnused();
  }

  #store(segment: Buffered): void {
    const firstChunk = this.#geometry.chunkAt(segment.start);
    const length = this.#geometry.chunkEnd(firstChunk + segment.crcs.length - 1) - segment.start;
    const bytes = length === segment.bytes.length ? segment.bytes : segment.bytes.subarray(0, length);
    const store = this.#options.onSegment(this, { firstChunk, bytes, crcs: segment.crcs }).finally(() => {
      this.#stores.delete(store);
      this.#free(segment);
    });
    this.#stores.add(store);
  }

  #free(segment: Buffered): void {
    const { memory } = this.#options;
    this.#segments.delete(segment);
    memory.give(segment.bytes.length);
    if (!segment.shared && !this.unkept) memory.recycle(segment.bytes);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onForget(this, this.#received, this.endChunk);
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  #brokenStream(what: 'more' | 'fewer'): BlobError {
    const { backend, blob } = this.#options;
    return new BlobError(
      'BLOB_PROTOCOL',
      'protocol',
      backend.name,
      `the answer for ${blob.path} had ${what} bytes than the range asked for`,
    );
  }
}

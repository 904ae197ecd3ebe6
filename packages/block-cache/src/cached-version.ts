import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';
import { crc32 } from 'node:zlib';

import { abortable } from './abort.ts';
import type { Counters } from './counters.ts';
import { codeOf, type DiskHealth } from './disk-health.ts';
import { channels, type CorruptionEvent } from './events.ts';
import type { FetchPriority, FetchScheduler } from './fetch-scheduler.ts';
import { CHUNK_BYTES, type Geometry } from './geometry.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { RangeFetch, type Segment } from './range-fetch.ts';
import type { StoredVersion } from './stored-version.ts';
import type { UncachedChunks } from './uncached-chunks.ts';

/**
 * Longest range request where blocks are smaller: with 128 KiB blocks a read of 4 MiB is still one request. Larger reads are cut, so
 * that their parts come in parallel.
 */
const MIN_RANGE_LIMIT_BYTES = 4 * 1024 * 1024;

/** How often a read looks again after an eviction took its bytes away under it. Then it goes to the network, past the disk. */
const MAX_DISK_ATTEMPTS = 4;

/**
 * When this share of the memory budget waits for the disk, and the oldest write has waited for this long, readers' data is no longer
 * kept until the disk has caught up. Before that the network is slowed down to the disk's speed, which loses nothing.
 */
const SLOW_DISK_SHARE = 0.5;
const SLOW_DISK_LAG_MS = 1_000;

/** A reply this much smaller than the buffer it lies in is copied, or a 4 KiB read would keep a MiB alive. A usual READ of 128 KiB is not. */
const COPY_BELOW_SHARE = 1 / 8;

/** Room on the disk. */
export interface Room {
  /** Bytes admitted and not yet released: on their way to the disk. */
  readonly pendingBytes: number;
  /**
   * Makes room for `bytes` and reserves it; false when nothing (more) may be evicted.
   *
   * @param protectSince blocks used since then (Unix seconds) stay, and the cache is filled only to the high water mark.
   */
  admit(bytes: number, protectSince?: number): Promise<boolean>;
  /** Ends a reservation: the bytes are on disk and counted there, or given up. */
  release(bytes: number): void;
}

/** What all versions of one cache share. */
export interface VersionContext {
  readonly scheduler: FetchScheduler;
  readonly memory: MemoryBudget;
  readonly counters: Counters;
  readonly health: DiskHealth;
  readonly uncached: UncachedChunks;
  readonly now: () => number;
  readonly room: Room;
  /** A file that can't be repaired in place has to go. */
  readonly onDamaged: (version: CachedVersion) => Promise<void>;
}

/** One read: which bytes, from where, for how long. */
export interface VersionRead {
  readonly backend: BlobBackend;
  readonly offset: number;
  readonly end: number;
  /** A missing range at the end of the read is fetched up to this byte in one request, if that is beyond the read. */
  readonly until: number;
  readonly signal?: AbortSignal | undefined;
}

/** A run of chunks of one read and where its bytes are. */
type Part = { readonly start: number; readonly end: number } & (
  | { readonly from: 'disk' }
  | { readonly from: 'fetch'; readonly fetch: RangeFetch }
  | { readonly from: 'memory'; readonly chunk: Uint8Array }
);

/**
 * One version (backend, path, ETag) of a blob: serves reads from disk, from what is on its way, or by a new range request, and never
 * asks for a chunk that is already on its way.
 */
export class CachedVersion {
  readonly id: string;
  readonly blob: BlobProperties;
  readonly stored: StoredVersion;
  readonly geometry: Geometry;
  readonly #backendName: string;
  readonly #context: VersionContext;
  /** Chunks on their way: from the request until they are on disk (or given up). */
  readonly #inFlight = new Map<number, RangeFetch>();
  readonly #fetches = new Set<RangeFetch>();
  /** Chunks in memory whose way to the disk is tried again, by chunk. */
  readonly #retries = new Map<number, Promise<void>>();
  #closed: Error | undefined;

  constructor(id: string, backendName: string, blob: BlobProperties, stored: StoredVersion, context: VersionContext) {
    this.id = id;
    this.blob = blob;
    this.stored = stored;
    this.geometry = stored.geometry;
    this.#backendName = backendName;
    this.#context = context;
  }

  /** Reads the bytes from `offset` to `end`, which must lie inside the blob and not be empty. */
  async read(request: VersionRead): Promise<Uint8Array> {
    const { offset, end } = request;
    const parts = this.#plan(request, true);
    this.stored.map.touch(this.geometry.chunkAt(offset), this.geometry.chunkAt(end - 1), this.#context.now() / 1000);
    const [only] = parts;
    if (parts.length === 1 && only?.from === 'fetch') {
      const views = await only.fetch.wait(offset, end, request.signal);
      this.#context.counters.add('servedNetworkBytes', end - offset);
      return joined(views, end - offset);
    }
    const target = Buffer.allocUnsafeSlow(end - offset);
    await Promise.all(parts.map((part) => this.#fill(part, target, request, 1)));
    return target;
  }

  /**
   * Starts fetching the missing chunks from `first` up to (not including) `end`, in ranges that end at block ends.
   *
   * @returns the requests that are bringing chunks of the range now, also those that were under way already.
   */
  fetchMissing(backend: BlobBackend, first: number, end: number, priority: FetchPriority, protectSince?: number): Set<RangeFetch> {
    const fetches = new Set<RangeFetch>();
    for (let chunk = first; chunk < end;) {
      const known = this.#inFlight.get(chunk);
      if (known !== undefined) fetches.add(known);
      if (known !== undefined || !this.isMissing(chunk)) {
        chunk++;
        continue;
      }
      const blockEnd = this.geometry.endChunk(this.geometry.blockOf(chunk));
      let runEnd = chunk + 1;
      while (runEnd < Math.min(end, blockEnd) && this.isMissing(runEnd)) runEnd++;
      fetches.add(this.#start(backend, chunk, runEnd, priority, chunk, protectSince));
      chunk = runEnd;
    }
    return fetches;
  }

  /** Verifies present chunks from `first` up to (not including) `end`; what is damaged is counted and dropped. */
  async verify(first: number, end: number, signal?: AbortSignal): Promise<void> {
    const bad = await this.stored.verify(first, end, signal);
    if (bad.length > 0) await this.#drop(bad, 'chunk');
  }

  /** Whether a chunk is neither on disk nor on its way. */
  isMissing(chunk: number): boolean {
    return !this.#inFlight.has(chunk) && !this.stored.map.isPresent(chunk);
  }

  /** Whether a request or a write is under way. */
  get busy(): boolean {
    return this.#fetches.size + this.#retries.size > 0;
  }

  /** Ends all requests; resolves when nothing of this version is under way. */
  async close(reason: Error): Promise<void> {
    this.#closed = reason;
    const fetches = [...this.#fetches];
    for (const fetch of fetches) fetch.abort(reason);
    await Promise.allSettled([...fetches.map((fetch) => fetch.done), ...this.#retries.values()]);
  }

  /** Cuts a read into runs by where their bytes are, and starts the requests that are needed. Synchronous: nothing changes meanwhile. */
  #plan({ backend, offset, end, until }: VersionRead, count: boolean): Part[] {
    const { geometry } = this;
    const parts: Part[] = [];
    const endChunk = geometry.chunkAfter(end);
    let hits = 0;
    let readaheadHits = 0;
    let chunk = geometry.chunkAt(offset);
    readaheadHits += this.stored.map.takePrefetched(chunk, endChunk - 1);
    while (chunk < endChunk) {
      const start = Math.max(offset, chunk * CHUNK_BYTES);
      const fetch = this.#inFlight.get(chunk);
      const held = fetch === undefined && !this.stored.map.isPresent(chunk) ? this.#context.uncached.get(this.id, chunk) : undefined;
      let runEnd = chunk + 1;
      if (fetch !== undefined) {
        while (runEnd < endChunk && this.#inFlight.get(runEnd) === fetch) runEnd++;
        for (let index = chunk; index < runEnd; index++) {
          if (fetch.has(index)) hits++;
          if (fetch.want(index)) readaheadHits++;
        }
        parts.push({ from: 'fetch', fetch, start, end: Math.min(end, geometry.chunkEnd(runEnd - 1)) });
      } else if (this.stored.map.isPresent(chunk)) {
        while (runEnd < endChunk && !this.#inFlight.has(runEnd) && this.stored.map.isPresent(runEnd)) runEnd++;
        hits += runEnd - chunk;
        parts.push({ from: 'disk', start, end: Math.min(end, geometry.chunkEnd(runEnd - 1)) });
      } else if (held !== undefined) {
        hits++;
        this.#keepNow(chunk, held);
        parts.push({ from: 'memory', chunk: held, start, end: Math.min(end, geometry.chunkEnd(chunk)) });
      } else {
        const limit = this.#rangeLimit(chunk);
        while (runEnd < Math.min(endChunk, limit) && this.isMissing(runEnd)) runEnd++;
        let fetchEnd = runEnd;
        if (runEnd === endChunk && until > end) {
          const wanted = Math.min(geometry.chunkAfter(until), limit, geometry.chunks);
          while (fetchEnd < wanted && this.isMissing(fetchEnd)) fetchEnd++;
        }
        const started = this.#start(backend, chunk, fetchEnd, 'demand', runEnd);
        parts.push({ from: 'fetch', fetch: started, start, end: Math.min(end, geometry.chunkEnd(runEnd - 1)) });
      }
      chunk = runEnd;
    }
    if (count) this.#count(offset, end, hits, readaheadHits);
    return parts;
  }

  #count(offset: number, end: number, hits: number, readaheadHits: number): void {
    const { counters } = this.#context;
    const misses = this.geometry.chunkAfter(end) - this.geometry.chunkAt(offset) - hits;
    counters.add('hits', hits);
    counters.add('misses', misses);
    if (readaheadHits > 0) counters.add('readaheadHits', readaheadHits);
    if (channels.read.hasSubscribers) {
      channels.read.publish({ backend: this.#backendName, path: this.blob.path, bytes: end - offset, hits, misses });
    }
  }

  /** Where a request that begins at `chunk` must end: ranges end at multiples of the limit. */
  #rangeLimit(chunk: number): number {
    const limit = Math.max(this.geometry.blockSize, MIN_RANGE_LIMIT_BYTES) / CHUNK_BYTES;
    return (Math.floor(chunk / limit) + 1) * limit;
  }

  /** Puts the bytes of one run into their place in `target`, which begins at `request.offset`. */
  async #fill(part: Part, target: Uint8Array, request: VersionRead, attempt: number): Promise<void> {
    const place = target.subarray(part.start - request.offset, part.end - request.offset);
    switch (part.from) {
      case 'memory': {
        const at = part.start % CHUNK_BYTES;
        place.set(part.chunk.subarray(at, at + place.length));
        return;
      }
      case 'fetch': {
        let at = 0;
        for (const view of await part.fetch.wait(part.start, part.end, request.signal)) {
          place.set(view, at);
          at += view.length;
        }
        this.#context.counters.add('servedNetworkBytes', place.length);
        return;
      }
      case 'disk':
        if (await abortable(this.#readDisk(place, part.start), request.signal)) {
          this.#context.counters.add('servedDiskBytes', place.length);
        } else if (attempt < MAX_DISK_ATTEMPTS) {
          const again = this.#plan({ ...request, offset: part.start, end: part.end }, false);
          await Promise.all(again.map((piece) => this.#fill(piece, target, request, attempt + 1)));
        } else {
          await this.#readPast(place, part.start, request);
        }
    }
  }

  /** Reads present chunks, verifying those that were not yet. False when they are not (or no longer) to be had from disk. */
  async #readDisk(place: Uint8Array, start: number): Promise<boolean> {
    const { map } = this.stored;
    const first = this.geometry.chunkAt(start);
    const end = this.geometry.chunkAfter(start + place.length);
    try {
      if (!map.allVerified(first, end - 1)) {
        await this.verify(first, end);
        if (!map.allVerified(first, end - 1)) return false;
      }
      const outcome = await this.stored.read(place, start);
      if (outcome === 'short') await this.#drop(this.stored.chunksBeyondFile(), 'truncated');
      return outcome === 'read';
    } catch (error) {
      this.#context.health.report('read', `cache file of ${this.blob.path} can't be read; its data comes from the network`, error);
      if (codeOf(error) === 'ENOENT') await this.#discard();
      else await this.#drop(range(first, end), undefined);
      return false;
    }
  }

  /** The last resort of a read: straight from the network. */
  async #readPast(place: Uint8Array, start: number, { backend, signal }: VersionRead): Promise<void> {
    let at = 0;
    for await (const piece of backend.read(this.blob.path, { offset: start, length: place.length, ifMatch: this.blob.etag, signal })) {
      place.set(piece, at);
      at += piece.length;
    }
    this.#context.counters.add('servedNetworkBytes', place.length);
  }

  /** Forgets chunks that are damaged (`kind`) or that the disk won't give. */
  async #drop(chunks: readonly number[], kind: CorruptionEvent['kind'] | undefined): Promise<void> {
    const { counters, health } = this.#context;
    const present = chunks.filter((chunk) => this.stored.map.isPresent(chunk));
    if (kind !== undefined && present.length > 0) {
      counters.add('corruptions', present.length);
      for (const chunk of present) {
        const event: CorruptionEvent = {
          backend: this.#backendName,
          path: this.blob.path,
          etag: this.blob.etag,
          kind,
          offset: chunk * CHUNK_BYTES,
        };
        channels.corruption.publish(event);
      }
    }
    if (present.length === 0) return;
    if (this.stored.passed) {
      await this.#discard();
      return;
    }
    try {
      await this.stored.drop(present);
    } catch (error) {
      health.writeFailed(error);
    }
  }

  /** Gives up the files as a whole: they were removed under us, or are damaged and may not be changed. */
  async #discard(): Promise<void> {
    try {
      await this.#context.onDamaged(this);
    } catch (error) {
      this.#context.health.writeFailed(error);
    }
  }

  #start(
    backend: BlobBackend,
    first: number,
    end: number,
    priority: FetchPriority,
    prefetchFrom: number,
    protectSince?: number,
  ): RangeFetch {
    if (this.#closed !== undefined) throw this.#closed;
    const fetch: RangeFetch = new RangeFetch({
      backend,
      blob: this.blob,
      geometry: this.geometry,
      firstChunk: first,
      endChunk: end,
      priority,
      prefetchFrom: priority === 'warm' ? end : prefetchFrom,
      scheduler: this.#context.scheduler,
      memory: this.#context.memory,
      onSegment: (from, segment) => this.#store(from, segment, protectSince),
      onForget: (from, firstChunk, endChunk) => this.#forget(from, firstChunk, endChunk),
    });
    for (let chunk = first; chunk < end; chunk++) this.#inFlight.set(chunk, fetch);
    this.#fetches.add(fetch);
    const settled = (): void => {
      this.#fetches.delete(fetch);
    };
    fetch.done.then(settled, settled);
    return fetch;
  }

  #forget(fetch: RangeFetch, first: number, end: number): void {
    for (let chunk = first; chunk < end; chunk++) {
      if (this.#inFlight.get(chunk) === fetch) this.#inFlight.delete(chunk);
    }
  }

  /** Keeps a segment on disk if that is possible, else for a moment in memory. Its readers have been answered already. */
  async #store(fetch: RangeFetch, segment: Segment, protectSince: number | undefined): Promise<void> {
    const { counters, health, uncached } = this.#context;
    const end = segment.firstChunk + segment.crcs.length;
    let kept = false;
    try {
      kept = await this.#keep(fetch, segment, protectSince);
    } catch (error) {
      health.writeFailed(error);
      if (codeOf(error) === 'ENOENT') await this.#discard();
    }
    if (!kept) fetch.unkept = true;
    for (let chunk = segment.firstChunk; chunk < end; chunk++) {
      if (!kept) {
        const start = (chunk - segment.firstChunk) * CHUNK_BYTES;
        uncached.put(this.id, chunk, segment.bytes.subarray(start, start + CHUNK_BYTES));
      } else if (fetch.isPrefetched(chunk)) {
        this.stored.map.markPrefetched(chunk);
      }
    }
    if (!kept) counters.add('uncachedBytes', segment.bytes.length);
    this.#forget(fetch, segment.firstChunk, end);
  }

  /** A chunk that the disk would not take is still read: perhaps there is room by now. */
  #keepNow(chunk: number, bytes: Uint8Array): void {
    const { health, room, uncached } = this.#context;
    if (!health.writable || this.#closed !== undefined || this.#retries.has(chunk)) return;
    const keep = async (): Promise<void> => {
      if (!(await room.admit(bytes.length))) return;
      try {
        if (await this.stored.write(chunk, bytes, [crc32(bytes)])) uncached.delete(this.id, chunk);
      } finally {
        room.release(bytes.length);
      }
    };
    const retry = keep()
      .catch((error: unknown) => health.writeFailed(error))
      .finally(() => this.#retries.delete(chunk));
    this.#retries.set(chunk, retry);
  }

  async #keep(fetch: RangeFetch, segment: Segment, protectSince: number | undefined): Promise<boolean> {
    const { health, memory, now, room } = this.#context;
    const size = segment.bytes.length;
    if (!health.writable) return false;
    if (fetch.demand && room.pendingBytes > memory.limit * SLOW_DISK_SHARE && health.lagMs > SLOW_DISK_LAG_MS) {
      health.report('slow', 'the cache disk is slower than the network; some data is served without being kept');
      return false;
    }
    if (!(await room.admit(size, protectSince))) {
      health.report('full', 'the cache is full and nothing in it may be evicted; new data is served without being kept');
      return false;
    }
    const endWrite = health.beginWrite();
    try {
      const written = await this.stored.write(segment.firstChunk, segment.bytes, segment.crcs);
      this.stored.map.touch(segment.firstChunk, segment.firstChunk + segment.crcs.length - 1, now() / 1000);
      return written;
    } finally {
      endWrite();
      room.release(size);
    }
  }
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** The parts as one array: a view where that wastes little memory, else a copy. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1 && length >= only.buffer.byteLength * COPY_BELOW_SHARE) return only;
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

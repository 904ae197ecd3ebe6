import type { BlobBackend } from '@warpforge/blob-backend';
import { abortable } from './abort.ts';
import { DiskSide, type DiskContext } from './disk-side.ts';
import { channels, type ReadEvent } from './events.ts';
import type { FetchPriority, FetchScheduler } from './fetch-scheduler.ts';
import { CHUNK_BYTES, type Geometry } from './geometry.ts';
import type { VersionHeader } from './metadata-file.ts';
import { RangeFetch, type Segment } from './range-fetch.ts';
import type { StoredVersion } from './stored-version.ts';

/**
 * Longest range request where blocks are smaller: with 128 KiB blocks a read of 4 MiB is still one request. Larger reads are cut, so
 * that their parts come in parallel.
 */
const MIN_RANGE_LIMIT_BYTES = 4 * 1024 * 1024;

/** How often a read looks again after an eviction took its bytes away under it. Then it goes to the network, past the disk. */
const MAX_DISK_ATTEMPTS = 4;

/** A reply this much smaller than the buffer it lies in is copied, or a 4 KiB read would keep a MiB alive. A usual READ of 128 KiB is not. */
const COPY_BELOW_SHARE = 1 / 8;

/** What all versions of one cache share. */
export interface VersionContext extends DiskContext {
  readonly scheduler: FetchScheduler;
  /** The files of a version can't be used and can't be repaired in place: they have to go. */
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

/** How a read is going to be answered; counts in chunks. */
interface ReadPlan {
  readonly parts: readonly Part[];
  readonly hits: number;
  readonly misses: number;
  readonly readaheadHits: number;
}

/**
 * One version (backend, path, ETag) of a blob: serves reads from disk, from what is on its way, or by a new range request, and never
 * asks for a chunk that is already on its way.
 */
export class CachedVersion {
  readonly id: string;
  readonly stored: StoredVersion;
  readonly geometry: Geometry;
  readonly #header: VersionHeader;
  readonly #context: VersionContext;
  readonly #disk: DiskSide;
  /** Chunks on their way: from the request until they are on disk (or given up). */
  readonly #inFlight = new Map<number, RangeFetch>();
  readonly #fetches = new Set<RangeFetch>();
  #closed: Error | undefined;

  constructor(id: string, header: VersionHeader, stored: StoredVersion, context: VersionContext) {
    this.id = id;
    this.stored = stored;
    this.geometry = stored.geometry;
    this.#header = header;
    this.#context = context;
    this.#disk = new DiskSide(id, header, stored, context, () => context.onDamaged(this));
  }

  /** Path of the blob in its backend. */
  get path(): string {
    return this.#header.path;
  }

  /** Whether a request or a write is under way. */
  get busy(): boolean {
    return this.#fetches.size > 0 || this.#disk.busy;
  }

  /** Whether a chunk is neither on disk nor on its way. */
  isMissing(chunk: number): boolean {
    return !this.#inFlight.has(chunk) && !this.stored.map.isPresent(chunk);
  }

  /** Reads the bytes from `offset` to `end`, which must lie inside the blob and not be empty. */
  async read(request: VersionRead): Promise<Uint8Array> {
    const { offset, end, signal } = request;
    const plan = this.#plan(request);
    this.#count(request, plan);
    this.stored.map.touch(this.geometry.chunkAt(offset), this.geometry.chunkAt(end - 1), this.#context.now() / 1000);
    const [only] = plan.parts;
    if (plan.parts.length === 1 && only?.from === 'fetch') {
      const views = await only.fetch.wait(offset, end, signal);
      this.#context.counters.add('servedNetworkBytes', end - offset);
      return joined(views, end - offset);
    }
    const target = Buffer.allocUnsafeSlow(end - offset);
    await Promise.all(plan.parts.map((part) => this.#fill(part, target, request, 1)));
    return target;
  }

  /**
   * Starts fetching the missing chunks from `first` up to (not including) `end`.
   *
   * @param protectSince blocks used since then (Unix seconds) are not evicted for these chunks.
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
      const runEnd = this.#missingUntil(chunk, end);
      fetches.add(this.#start(backend, chunk, runEnd, priority, chunk, protectSince));
      chunk = runEnd;
    }
    return fetches;
  }

  /** Verifies present chunks from `first` up to (not including) `end`; what is damaged is counted and dropped. */
  async verify(first: number, end: number, signal?: AbortSignal): Promise<void> {
    await this.#disk.verify(first, end, signal);
  }

  /** Ends all requests; resolves when nothing of this version is under way. */
  async close(reason: Error): Promise<void> {
    this.#closed = reason;
    const fetches = [...this.#fetches];
    for (const fetch of fetches) fetch.abort(reason);
    await Promise.allSettled(fetches.map((fetch) => fetch.done));
    await this.#disk.settled();
  }

  /** Cuts a read into runs by where their bytes are, and starts the requests that are needed. Synchronous: nothing changes meanwhile. */
  #plan({ backend, offset, end, until }: VersionRead): ReadPlan {
    const { geometry } = this;
    const { map } = this.stored;
    const firstChunk = geometry.chunkAt(offset);
    const endChunk = geometry.chunkAfter(end);
    const parts: Part[] = [];
    let hits = 0;
    let readaheadHits = map.takePrefetched(firstChunk, endChunk - 1);
    for (let chunk = firstChunk; chunk < endChunk;) {
      const start = Math.max(offset, chunk * CHUNK_BYTES);
      const endOf = (next: number): number => Math.min(end, geometry.chunkEnd(next - 1));
      const fetch = this.#inFlight.get(chunk);
      let next = chunk + 1;
      if (fetch !== undefined) {
        while (next < endChunk && this.#inFlight.get(next) === fetch) next++;
        for (let index = chunk; index < next; index++) {
          if (fetch.has(index)) hits++;
          if (fetch.want(index)) readaheadHits++;
        }
        parts.push({ from: 'fetch', fetch, start, end: endOf(next) });
      } else if (map.isPresent(chunk)) {
        while (next < endChunk && !this.#inFlight.has(next) && map.isPresent(next)) next++;
        hits += next - chunk;
        parts.push({ from: 'disk', start, end: endOf(next) });
      } else {
        const recalled = this.#disk.recall(chunk);
        if (recalled === undefined) {
          next = this.#missingUntil(chunk, endChunk);
          const fetchEnd = next === endChunk ? this.#missingUntil(chunk, Math.max(endChunk, geometry.chunkAfter(until))) : next;
          parts.push({ from: 'fetch', fetch: this.#start(backend, chunk, fetchEnd, 'demand', next), start, end: endOf(next) });
        } else {
          hits++;
          parts.push({ from: 'memory', chunk: recalled, start, end: endOf(next) });
        }
      }
      chunk = next;
    }
    return { parts, hits, misses: endChunk - firstChunk - hits, readaheadHits };
  }

  #count({ offset, end }: VersionRead, { hits, misses, readaheadHits }: ReadPlan): void {
    const { counters } = this.#context;
    counters.add('hits', hits);
    counters.add('misses', misses);
    counters.add('readaheadHits', readaheadHits);
    if (!channels.read.hasSubscribers) return;
    const event: ReadEvent = { backend: this.#header.backend, path: this.#header.path, bytes: end - offset, hits, misses };
    channels.read.publish(event);
  }

  /** Where a request for the missing chunk `first` must end: before `end`, the next chunk that is not missing, and the longest range. */
  #missingUntil(first: number, end: number): number {
    const longest = Math.max(this.geometry.blockSize, MIN_RANGE_LIMIT_BYTES) / CHUNK_BYTES;
    // Ranges end at multiples of their greatest length, so that those of read-ahead coincide with blocks.
    const limit = Math.min(end, (Math.floor(first / longest) + 1) * longest);
    let next = first + 1;
    while (next < limit && this.isMissing(next)) next++;
    return next;
  }

  /** Puts the bytes of one run into their place in `target`, which begins at `request.offset`. */
  async #fill(part: Part, target: Uint8Array, request: VersionRead, attempt: number): Promise<void> {
    const { counters } = this.#context;
    const place = target.subarray(part.start - request.offset, part.end - request.offset);
    switch (part.from) {
      case 'memory': {
        const at = part.start % CHUNK_BYTES;
        place.set(part.chunk.subarray(at, at + place.length));
        counters.add('servedNetworkBytes', place.length);
        return;
      }
      case 'fetch':
        copyTo(place, await part.fetch.wait(part.start, part.end, request.signal));
        counters.add('servedNetworkBytes', place.length);
        return;
      case 'disk':
        if (await abortable(this.#disk.read(place, part.start), request.signal)) {
          counters.add('servedDiskBytes', place.length);
        } else if (attempt < MAX_DISK_ATTEMPTS) {
          const { parts } = this.#plan({ ...request, offset: part.start, end: part.end });
          await Promise.all(parts.map((piece) => this.#fill(piece, target, request, attempt + 1)));
        } else {
          await this.#readPast(place, part.start, request);
        }
    }
  }

  /** The last resort of a read: straight from the network. */
  async #readPast(place: Uint8Array, start: number, { backend, signal }: VersionRead): Promise<void> {
    const { path, etag } = this.#header;
    const pieces: Uint8Array[] = [];
    for await (const piece of backend.read(path, { offset: start, length: place.length, ifMatch: etag, signal })) pieces.push(piece);
    copyTo(place, pieces);
    this.#context.counters.add('servedNetworkBytes', place.length);
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
      blob: this.#header,
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
    const ended = (): void => {
      this.#fetches.delete(fetch);
    };
    fetch.done.then(ended, ended);
    return fetch;
  }

  async #store(fetch: RangeFetch, segment: Segment, protectSince: number | undefined): Promise<void> {
    const end = segment.firstChunk + segment.crcs.length;
    if (await this.#disk.keep(segment, { demand: fetch.demand, protectSince })) {
      for (let chunk = segment.firstChunk; chunk < end; chunk++) {
        if (fetch.isPrefetched(chunk)) this.stored.map.markPrefetched(chunk);
      }
    } else {
      fetch.unkept = true;
    }
    this.#forget(fetch, segment.firstChunk, end);
  }

  #forget(fetch: RangeFetch, first: number, end: number): void {
    for (let chunk = first; chunk < end; chunk++) {
      if (this.#inFlight.get(chunk) === fetch) this.#inFlight.delete(chunk);
    }
  }
}

/** The parts as one array: a view where that wastes little memory, else a copy. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1 && length >= only.buffer.byteLength * COPY_BELOW_SHARE) return only;
  const whole = Buffer.allocUnsafeSlow(length);
  copyTo(whole, parts);
  return whole;
}

function copyTo(target: Uint8Array, parts: readonly Uint8Array[]): void {
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
}

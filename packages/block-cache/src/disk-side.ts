import { crc32 } from 'node:zlib';
import type { Counters } from './counters.ts';
import { codeOf, type DiskHealth } from './disk-health.ts';
import { channels, type CorruptionEvent } from './events.ts';
import { CHUNK_BYTES, range } from './geometry.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { VersionHeader } from './metadata-file.ts';
import type { Segment } from './range-fetch.ts';
import type { StoredVersion } from './stored-version.ts';
import type { UncachedChunks } from './uncached-chunks.ts';

/**
 * When this share of the memory budget waits for the disk, and the oldest write has waited for this long, readers' data is no longer
 * kept until the disk has caught up. Before that the network is slowed down to the disk's speed, which loses nothing.
 */
const SLOW_DISK_SHARE = 0.5;
const SLOW_DISK_LAG_MS = 1_000;

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

/** What the disk sides of all versions share. */
export interface DiskContext {
  readonly memory: MemoryBudget;
  readonly counters: Counters;
  readonly health: DiskHealth;
  readonly uncached: UncachedChunks;
  readonly room: Room;
  readonly now: () => number;
}

/** For whom a segment came. */
export interface SegmentOrigin {
  /** A reader waits, or has waited, for it. */
  readonly demand: boolean;
  readonly protectSince: number | undefined;
}

/** What one version does on disk, with every failure of the disk turned into "not there": counted, published, never thrown at a reader. */
export class DiskSide {
  readonly #id: string;
  readonly #header: VersionHeader;
  readonly #stored: StoredVersion;
  readonly #context: DiskContext;
  readonly #discard: () => Promise<void>;
  /** Chunks in memory whose way to the disk is tried again, by chunk. */
  readonly #retries = new Map<number, Promise<void>>();

  /** @param discard removes the files: they are damaged and may not be changed, or were removed under us. */
  constructor(id: string, header: VersionHeader, stored: StoredVersion, context: DiskContext, discard: () => Promise<void>) {
    this.#id = id;
    this.#header = header;
    this.#stored = stored;
    this.#context = context;
    this.#discard = discard;
  }

  /** Whether a write that nobody waits for is under way. */
  get busy(): boolean {
    return this.#retries.size > 0;
  }

  /** Resolves when no such write is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#retries.values());
  }

  /** Fills `target` from present chunks, verifying those that were not yet. False when they are not, or no longer, to be had. */
  async read(target: Uint8Array, start: number): Promise<boolean> {
    const { geometry, map } = this.#stored;
    const first = geometry.chunkAt(start);
    const end = geometry.chunkAfter(start + target.length);
    try {
      if (!map.allVerified(first, end - 1)) {
        await this.verify(first, end);
        if (!map.allVerified(first, end - 1)) return false;
      }
      const outcome = await this.#stored.read(target, start);
      if (outcome === 'short') await this.#drop(this.#stored.chunksBeyondFile(), 'truncated');
      return outcome === 'read';
    } catch (error) {
      this.#context.health.report('read', `cache file of ${this.#header.path} can't be read; its data comes from the network`, error);
      if (codeOf(error) === 'ENOENT') await this.#discardFiles();
      else await this.#drop(range(first, end), undefined);
      return false;
    }
  }

  /**
   * Verifies present chunks from `first` up to (not including) `end`; what is damaged is counted and dropped. Rejects when the disk
   * fails or `signal` is aborted.
   */
  async verify(first: number, end: number, signal?: AbortSignal): Promise<void> {
    const damaged = await this.#stored.verify(first, end, signal);
    if (damaged.length > 0) await this.#drop(damaged, 'chunk');
  }

  /** Writes a segment whose readers have been answered; what can't be kept stays in memory for a moment. Returns whether it is on disk. */
  async keep(segment: Segment, origin: SegmentOrigin): Promise<boolean> {
    const { counters, health, uncached } = this.#context;
    try {
      if (await this.#tryToKeep(segment, origin)) return true;
    } catch (error) {
      health.writeFailed(error);
      if (codeOf(error) === 'ENOENT') await this.#discardFiles();
    }
    for (const index of segment.crcs.keys()) {
      const chunk = segment.bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
      uncached.put(this.#id, segment.firstChunk + index, chunk);
    }
    counters.add('uncachedBytes', segment.bytes.length);
    return false;
  }

  /** A chunk that stayed in memory, and another try to get it to the disk, as it is still read. */
  recall(chunk: number): Uint8Array | undefined {
    const { health, room, uncached } = this.#context;
    const bytes = uncached.get(this.#id, chunk);
    if (bytes === undefined || !health.writable || this.#retries.has(chunk)) return bytes;
    const keep = async (): Promise<void> => {
      if (!(await room.admit(bytes.length))) return;
      try {
        if (await this.#stored.write(chunk, bytes, [crc32(bytes)])) uncached.delete(this.#id, chunk);
      } finally {
        room.release(bytes.length);
      }
    };
    const retry = keep()
      .catch((error: unknown) => health.writeFailed(error))
      .finally(() => this.#retries.delete(chunk));
    this.#retries.set(chunk, retry);
    return bytes;
  }

  async #tryToKeep({ firstChunk, bytes, crcs }: Segment, { demand, protectSince }: SegmentOrigin): Promise<boolean> {
    const { health, memory, now, room } = this.#context;
    if (!health.writable) return false;
    if (demand && room.pendingBytes > memory.limit * SLOW_DISK_SHARE && health.lagMs > SLOW_DISK_LAG_MS) {
      health.report('slow', 'the cache disk is slower than the network; some data is served without being kept');
      return false;
    }
    if (!(await room.admit(bytes.length, protectSince))) {
      health.report('full', 'the cache is full and nothing in it may be evicted; new data is served without being kept');
      return false;
    }
    const endWrite = health.beginWrite();
    try {
      const written = await this.#stored.write(firstChunk, bytes, crcs);
      this.#stored.map.touch(firstChunk, firstChunk + crcs.length - 1, now() / 1000);
      return written;
    } finally {
      endWrite();
      room.release(bytes.length);
    }
  }

  /** Forgets chunks that are damaged (`kind`) or that the disk won't give. */
  async #drop(chunks: readonly number[], kind: CorruptionEvent['kind'] | undefined): Promise<void> {
    const present = chunks.filter((chunk) => this.#stored.map.isPresent(chunk));
    if (present.length === 0) return;
    if (kind !== undefined) this.#publish(present, kind);
    if (this.#stored.passed) {
      await this.#discardFiles();
      return;
    }
    try {
      await this.#stored.drop(present);
    } catch (error) {
      this.#context.health.writeFailed(error);
    }
  }

  async #discardFiles(): Promise<void> {
    try {
      await this.#discard();
    } catch (error) {
      this.#context.health.writeFailed(error);
    }
  }

  #publish(chunks: readonly number[], kind: CorruptionEvent['kind']): void {
    const { backend, path, etag } = this.#header;
    this.#context.counters.add('corruptions', chunks.length);
    for (const chunk of chunks) {
      const event: CorruptionEvent = { backend, path, etag, kind, offset: chunk * CHUNK_BYTES };
      channels.corruption.publish(event);
    }
  }
}

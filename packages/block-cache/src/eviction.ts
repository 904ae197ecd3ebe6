import { statfsSync } from 'node:fs';

import type { CachedVersion } from './cached-version.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import type { Counters } from './counters.ts';
import type { DiskHealth } from './disk-health.ts';
import type { Room } from './disk-side.ts';
import { channels, type EvictionEvent } from './events.ts';
import { CHUNK_BYTES } from './geometry.ts';

/** After a pass that freed nothing the next one waits this long: each looks at every block, and little changes from one write to the next. */
const FRUITLESS_PAUSE_MS = 1_000;

/** A pass that meets this many failures ends: the disk takes no changes at all. */
const MAX_FAILURES = 8;

/** What eviction works on and within which limits. */
export interface EvictionOptions {
  readonly catalog: Catalog;
  readonly counters: Counters;
  readonly health: DiskHealth;
  /** Any path on the cache's file system. */
  readonly directory: string;
  readonly maxSizeBytes: number;
  /** Free bytes of the file system to leave alone; 0 turns the check off. */
  readonly minFreeBytes: number;
  /** Shares of `maxSizeBytes`: eviction starts above the high one and ends below the low one. */
  readonly highWater: number;
  readonly lowWater: number;
  /** Whether holes can be punched; otherwise files go whole. */
  readonly canPunch: boolean;
  readonly now: () => number;
  /** Loads the maps of a version at rest and keeps them until the returned release. */
  readonly load: (entry: CatalogEntry) => Promise<{ version: CachedVersion; release: () => void }>;
  /** Removes both files of an entry. */
  readonly remove: (entry: CatalogEntry) => Promise<void>;
}

/** Something that can go, and when it was last used (Unix seconds). `block` undefined: a version at rest, or one that goes whole. */
interface Candidate {
  readonly entry: CatalogEntry;
  readonly lastUse: number;
  readonly block?: number;
}

/**
 * Keeps the cache between its water marks. Superseded versions that nobody uses go first, then what was used longest ago: single
 * blocks by holes, except in files that the kernel was ever given, which go whole and only when nobody has them open.
 */
export class Evictor implements Room {
  readonly #options: EvictionOptions;
  #pendingBytes = 0;
  #pass: Promise<void> = Promise.resolve();
  #running = false;
  #fruitlessUntil = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether a pass is under way. */
  get running(): boolean {
    return this.#running;
  }

  async admit(bytes: number, protectSince?: number): Promise<boolean> {
    const { maxSizeBytes, highWater } = this.#options;
    const limit = protectSince === undefined ? maxSizeBytes : maxSizeBytes * highWater;
    if (!this.#fits(bytes, limit)) await this.#run(bytes, limit, protectSince);
    if (this.#stopped || !this.#fits(bytes, limit)) return false;
    this.#pendingBytes += bytes;
    this.check();
    return true;
  }

  /** Looks whether the cache is above its high water mark: a smaller limit may have been set since the last run. */
  check(): void {
    const { maxSizeBytes, highWater } = this.#options;
    if (this.#taken() > maxSizeBytes * highWater && !this.#running) void this.#run(0, maxSizeBytes * highWater, undefined);
  }

  release(bytes: number): void {
    this.#pendingBytes -= bytes;
  }

  /** Evicts nothing any more; resolves when the pass under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pass;
  }

  #taken(): number {
    return this.#options.catalog.sizeBytes + this.#pendingBytes;
  }

  #fits(bytes: number, limit: number): boolean {
    return this.#taken() + bytes <= limit && this.#freeBytes() - bytes >= this.#options.minFreeBytes;
  }

  #freeBytes(): number {
    if (this.#options.minFreeBytes === 0) return Number.POSITIVE_INFINITY;
    const { bavail, bsize } = statfsSync(this.#options.directory);
    return bavail * bsize;
  }

  /** One pass at a time, each only if `bytes` more still don't fit below `limit`: mostly the pass before has made the room. */
  #run(bytes: number, limit: number, protectSince: number | undefined): Promise<void> {
    const pass = this.#pass.then(async () => {
      const { health, now } = this.#options;
      try {
        if (this.#stopped || this.#fits(bytes, limit)) return;
        if (protectSince === undefined && now() < this.#fruitlessUntil) return;
        this.#running = true;
        const freed = await this.#evict(bytes, protectSince);
        if (!freed && protectSince === undefined) this.#fruitlessUntil = now() + FRUITLESS_PAUSE_MS;
      } catch (error) {
        health.report('evict', 'the room on the cache disk is not known', error);
        this.#fruitlessUntil = now() + FRUITLESS_PAUSE_MS;
      } finally {
        this.#running = false;
      }
    });
    this.#pass = pass;
    return pass;
  }

  /** Whether the low water mark is reached with `bytes` more. */
  #reached(bytes: number): boolean {
    const { maxSizeBytes, lowWater } = this.#options;
    return this.#fits(bytes, Math.max(maxSizeBytes * lowWater, bytes));
  }

  /** One pass. Returns whether anything went. */
  async #evict(bytes: number, protectSince: number | undefined): Promise<boolean> {
    let freed = false;
    let failures = 0;
    const tryTo = async (free: () => Promise<boolean>): Promise<void> => {
      try {
        if (await free()) freed = true;
      } catch (error) {
        // One bad file must not keep the others from going.
        this.#options.health.report('evict', 'the cache disk refuses to free room', error);
        failures++;
      }
    };
    const isOver = (): boolean => this.#stopped || failures >= MAX_FAILURES || this.#reached(bytes);
    for (const entry of this.#options.catalog.entries()) {
      if (isOver()) return freed;
      if (entry.superseded && isIdle(entry)) await tryTo(() => this.#removeWhole(entry, 'superseded'));
    }
    const candidates = this.#candidates(protectSince).sort((a, b) => a.lastUse - b.lastUse);
    for (const candidate of candidates) {
      if (isOver()) return freed;
      await tryTo(() => this.#evictCandidate(candidate, bytes));
    }
    return freed;
  }

  #candidates(protectSince = Number.POSITIVE_INFINITY): Candidate[] {
    const candidates: Candidate[] = [];
    for (const entry of this.#options.catalog.entries()) {
      const { version } = entry;
      if (!entry.onDisk || entry.removing !== undefined) continue;
      if (version !== undefined && !entry.passed && this.#options.canPunch) {
        const { geometry, map } = version.stored;
        for (let block = 0; block < geometry.blocks; block++) {
          const lastUse = map.lastUse(block);
          if (lastUse < protectSince && map.presentIn(block) > 0) candidates.push({ entry, block, lastUse });
        }
      } else if (isIdle(entry)) {
        const lastUse = version?.stored.map.latestUse() ?? entry.lastUse;
        if (lastUse < protectSince) candidates.push({ entry, lastUse });
      }
    }
    return candidates;
  }

  async #evictCandidate({ entry, block }: Candidate, bytes: number): Promise<boolean> {
    if (entry.removing !== undefined) return false;
    if (block === undefined) {
      if (!isIdle(entry)) return false;
      if (entry.passed || !this.#options.canPunch || entry.bytes <= this.#excess(bytes)) return this.#removeWhole(entry, 'lru');
    }
    let freed: boolean;
    const { version, release } = await this.#options.load(entry);
    try {
      const { blocks } = version.geometry;
      freed = await this.#evictBlocks(entry, version, block ?? 0, block === undefined ? blocks : block + 1, bytes);
    } finally {
      release();
    }
    if (version.stored.map.presentChunks === 0 && entry.version === version && isIdle(entry)) await this.#options.remove(entry);
    return freed;
  }

  /** Bytes above the low water mark. */
  #excess(bytes: number): number {
    const { maxSizeBytes, lowWater, minFreeBytes } = this.#options;
    return Math.max(this.#taken() + bytes - maxSizeBytes * lowWater, minFreeBytes + bytes - this.#freeBytes());
  }

  /** Punches the blocks from `first` up to `end` until enough is free. */
  async #evictBlocks(entry: CatalogEntry, version: CachedVersion, first: number, end: number, bytes: number): Promise<boolean> {
    const { counters } = this.#options;
    const { stored } = version;
    const before = entry.bytes;
    let blocks = 0;
    for (let block = first; block < end; block++) {
      if (this.#stopped || (blocks > 0 && this.#reached(bytes))) break;
      if (stored.map.presentIn(block) === 0 || !stored.canEvictBlock(block)) continue;
      counters.add('readaheadWasted', await stored.evictBlock(block));
      blocks++;
    }
    if (blocks > 0) this.#publish(entry, before - entry.bytes, blocks, 'lru');
    return blocks > 0;
  }

  async #removeWhole(entry: CatalogEntry, reason: EvictionEvent['reason']): Promise<boolean> {
    const { bytes, version } = entry;
    const blocks = Math.ceil(((version?.stored.map.presentChunks ?? entry.storedChunks) * CHUNK_BYTES) / entry.header.blockSize);
    if (version !== undefined)
      this.#options.counters.add('readaheadWasted', version.stored.map.takePrefetched(0, version.geometry.chunks - 1));
    await this.#options.remove(entry);
    this.#publish(entry, bytes, blocks, reason);
    return true;
  }

  #publish(entry: CatalogEntry, bytes: number, blocks: number, reason: EvictionEvent['reason']): void {
    this.#options.counters.add('evictions', blocks);
    if (!channels.eviction.hasSubscribers) return;
    const { backend, path, etag } = entry.header;
    const event: EvictionEvent = { backend, path, etag, bytes, blocks, reason };
    channels.eviction.publish(event);
  }
}

/** Whether nobody uses an entry whose files are there. */
function isIdle(entry: CatalogEntry): boolean {
  return entry.onDisk && entry.users === 0 && entry.removing === undefined && entry.loading === undefined && entry.version?.busy !== true;
}

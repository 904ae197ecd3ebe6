import type { BlobProperties } from '@warpforge/blob-backend';
import { FaultyBackend, MemoryBackend } from '@warpforge/blob-backend/testing';
import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockCache, readVerified, type CachedFile } from '../src/index.ts';
import { Clock } from './clock.ts';
import { bytesOf, cacheFiles, diskUsage, flipByte, KIB, MIB, quiet, until } from './harness.ts';

const PATHS = ['a', 'b', 'c', 'd'];

/** Large enough for some of the blobs below, never for all. */
const MAX_SIZE_BYTES = 3 * MIB;

type Step =
  | { readonly do: 'read'; readonly path: string; readonly at: number; readonly length: number; readonly handle: 'new' | 'kept' }
  | { readonly do: 'read together'; readonly path: string; readonly at: readonly number[] }
  | { readonly do: 'read as thread'; readonly path: string; readonly at: number; readonly length: number }
  | { readonly do: 'pass'; readonly path: string }
  | { readonly do: 'warm'; readonly paths: readonly string[] }
  | { readonly do: 'overwrite'; readonly path: string; readonly size: number }
  | { readonly do: 'break'; readonly path: string; readonly afterBytes: number }
  | { readonly do: 'restart' }
  | {
      readonly do: 'damage';
      readonly what: 'flip' | 'truncate' | 'remove';
      readonly file: number;
      readonly suffix: '.data' | '.meta';
      readonly at: number;
    };

const path = fc.constantFrom(...PATHS);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const length = fc.oneof(fc.nat(5000), fc.nat(700_000));
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        path,
        at: share,
        length,
        handle: fc.constantFrom('new' as const, 'kept' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('read together' as const), path, at: fc.array(share, { minLength: 2, maxLength: 6 }) }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('read as thread' as const), path, at: share, length }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), path }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('warm' as const), paths: fc.subarray(PATHS) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('overwrite' as const),
        path,
        size: fc.oneof(fc.constantFrom(0, 1, 128 * KIB), fc.nat(1_600_000)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('break' as const), path, afterBytes: fc.nat(500_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('damage' as const),
        what: fc.constantFrom('flip' as const, 'truncate' as const, 'remove' as const),
        file: fc.nat(10),
        suffix: fc.constantFrom('.data' as const, '.meta' as const),
        at: share,
      }),
    },
  ),
  { minLength: 10, maxLength: 60 },
);

/** A cache with everything that a step may touch, beside the plain buffers that say what is right. */
class World {
  readonly directory = mkdtempSync(join(tmpdir(), 'block-cache-model-'));
  readonly memory = new MemoryBackend();
  readonly backend = new FaultyBackend(this.memory);
  readonly clock = new Clock();
  readonly #contents = new Map<string, Buffer>();
  readonly #current = new Map<string, BlobProperties>();
  readonly #kept = new Map<string, CachedFile>();
  #cache: BlockCache | undefined;
  #seed = 0;

  get cache(): BlockCache {
    if (this.#cache === undefined) throw new Error('not open');
    return this.#cache;
  }

  async open(): Promise<void> {
    this.#cache = await BlockCache.open({
      directory: this.directory,
      maxSizeBytes: MAX_SIZE_BYTES,
      blockSizeBytes: 256 * KIB,
      evictLowWater: 0.6,
      memoryLimitBytes: 4 * MIB,
      maxParallelFetch: 3,
      readaheadBlocks: 2,
      now: this.clock.now,
    });
  }

  async close(): Promise<void> {
    this.#kept.clear();
    await this.cache[Symbol.asyncDispose]();
  }

  overwrite(name: string, size: number): void {
    const content = bytesOf(this.#seed++, size);
    const blob = this.memory.put(name, content);
    this.#contents.set(blob.etag, content);
    this.#current.set(name, blob);
  }

  blob(name: string): BlobProperties {
    const blob = this.#current.get(name);
    if (blob === undefined) throw new Error(`no blob ${name}`);
    return blob;
  }

  content(blob: BlobProperties): Buffer {
    return this.#contents.get(blob.etag) ?? Buffer.alloc(0);
  }

  /** The handle that stays open on a path, on whatever version it was opened. */
  async kept(name: string): Promise<CachedFile> {
    const file = this.#kept.get(name) ?? (await this.cache.openFile(this.backend, this.blob(name)));
    this.#kept.set(name, file);
    return file;
  }

  /** Reads and compares. A kept handle may say that its version is gone; a broken request may fail; nothing else may. */
  async check(file: CachedFile, at: number, wanted: number): Promise<void> {
    const content = this.content(file.blob);
    const offset = Math.floor(at * content.length);
    try {
      const bytes = await file.read(offset, wanted);
      expect(Buffer.compare(bytes, content.subarray(offset, offset + wanted))).toBe(0);
    } catch (error) {
      const stale = file.blob.etag !== this.blob(file.blob.path).etag;
      expect(error).toMatchObject({ code: expect.stringMatching(stale ? /BLOB_(CHANGED|UNREACHABLE)/ : /BLOB_UNREACHABLE/) as unknown });
    }
  }

  async damage(step: Step & { do: 'damage' }): Promise<void> {
    await this.close();
    const files = cacheFiles(this.directory, step.suffix);
    const file = files[step.file % Math.max(1, files.length)];
    if (file !== undefined) {
      const { size } = statSync(file);
      const at = Math.floor(step.at * size);
      if (step.what === 'remove') rmSync(file);
      else if (step.what === 'truncate') truncateSync(file, at);
      else if (at < size) flipByte(file, at);
    }
    await this.open();
  }

  async run(step: Step): Promise<void> {
    this.clock.advance(3);
    switch (step.do) {
      case 'read': {
        const file = step.handle === 'kept' ? await this.kept(step.path) : await this.cache.openFile(this.backend, this.blob(step.path));
        await this.check(file, step.at, step.length);
        if (step.handle === 'new') await file[Symbol.asyncDispose]();
        break;
      }
      case 'read together': {
        const files = await Promise.all(step.at.map(() => this.cache.openFile(this.backend, this.blob(step.path))));
        await Promise.all(files.map((file, index) => this.check(file, step.at[index] ?? 0, 300_000)));
        await Promise.all(files.map((file) => file[Symbol.asyncDispose]()));
        break;
      }
      case 'read as thread': {
        const file = await this.kept(step.path);
        const content = this.content(file.blob);
        const offset = Math.floor(step.at * content.length);
        const target = Buffer.alloc(step.length);
        const view = file.threadView();
        const count = view === undefined ? -1 : readVerified(view, offset, step.length, target);
        if (count >= 0) expect(Buffer.compare(target.subarray(0, count), content.subarray(offset, offset + step.length))).toBe(0);
        break;
      }
      case 'pass': {
        const file = await this.kept(step.path);
        const fd = await file.passthroughFd();
        if (fd !== undefined) expect(Buffer.compare(readFileSync(`/proc/self/fd/${fd}`), this.content(file.blob))).toBe(0);
        break;
      }
      case 'warm': {
        const blobs = step.paths.map((name) => this.blob(name));
        const report = await this.cache.warm(this.backend, blobs);
        expect(report.complete + report.failed.length).toBe(blobs.length);
        const failed = new Set(report.failed.map((failure) => failure.path));
        for (const blob of blobs) if (!failed.has(blob.path)) expect(this.cache.isComplete(this.backend, blob)).toBe(true);
        break;
      }
      case 'overwrite':
        this.overwrite(step.path, step.size);
        break;
      case 'break':
        this.backend.fail('BLOB_UNREACHABLE', { operation: 'read', path: step.path, afterBytes: step.afterBytes });
        break;
      case 'restart':
        await this.close();
        await this.open();
        break;
      case 'damage':
        await this.damage(step);
    }
  }

  async invariants(): Promise<void> {
    await quiet(this.cache);
    const { sizeBytes } = this.cache.stats();
    // Files that hold nothing any more are unlinked in the background.
    await until(
      () => this.cache.stats().sizeBytes === diskUsage(this.directory),
      () => [this.cache.stats().sizeBytes, diskUsage(this.directory)],
    );
    // Each version may have some KiB of metadata beyond the limit.
    expect(sizeBytes).toBeLessThanOrEqual(MAX_SIZE_BYTES + 64 * KIB);
  }
}

describe('whatever happens to the cache, it agrees with plain buffers', () => {
  it('reads, threads, warm-up, eviction, restarts, new versions, broken requests and damage in any order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const world = new World();
        try {
          for (const [index, name] of PATHS.entries()) world.overwrite(name, 300_000 * (index + 1) + index);
          await world.open();
          for (const step of sequence) {
            await world.run(step);
            await world.invariants();
          }
          await world.close();
        } finally {
          rmSync(world.directory, { recursive: true, force: true });
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AzureBackend, withRequestEvents, withRetries, type BlobBackend, type BlobProperties } from '@warpforge/blob-backend';
import { BlockCache } from '@warpforge/block-cache';
import pLimit from 'p-limit';
import type { JobContext } from '../job-context.ts';
import type { Counters } from '../metrics.ts';
import type { Storage } from '../steps/start-storage.ts';
import { CONTAINER } from '../steps/upload.ts';
import { formatBytes } from '../terminal.ts';
import { keyEnvironment, keyVariable } from './daemon-config.ts';
import {
  BACKENDS,
  NETWORK_BYTES,
  type BackendName,
  type ListedFile,
  type ShardFiles,
  type ShardReading,
  type SplitName,
  type WarmOutcome,
} from './shard-reading.ts';

/** The guide's size; the demo never fills it. */
const MAX_CACHE_BYTES = 50 * 1024 ** 3;
/** Bytes that are copied out of the cache at a time: one block. */
const COPY_BYTES = 4 * 1024 ** 2;
const PARALLEL_COPIES = 4;

/**
 * The way without a mount: the same cache and the same backends, but opened in this process. The trainer reads nothing but files, so the
 * shards are copied out of the cache, through its verified reads, before it starts, and the time of that copy counts as waiting for data.
 */
export class InProcessReading implements ShardReading {
  readonly read = 'in-process';
  readonly transport = 'none';
  readonly #context: JobContext;
  readonly #cache: BlockCache;
  readonly #backends: readonly { readonly name: BackendName; readonly backend: BlobBackend }[];
  readonly #networkBytes = new Map<string, number>();

  private constructor(context: JobContext, cache: BlockCache, storage: Storage) {
    this.#context = context;
    this.#cache = cache;
    this.#backends = BACKENDS.map(({ name, region }) => ({
      name,
      backend: withRetries(
        withRequestEvents(
          new AzureBackend({
            name,
            account: storage.accounts[region].name,
            container: CONTAINER,
            endpoint: storage.accounts[region].blobEndpoint,
            auth: { method: 'shared_key', accountKey: { env: keyVariable(region) } },
          }),
        ),
      ),
    }));
    subscribe('warpforge:blob-backend:bytes', this.#count);
  }

  /** Opens the cache and both backends. */
  static async open(context: JobContext, storage: Storage): Promise<InProcessReading> {
    Object.assign(process.env, keyEnvironment(storage));
    const directory = await context.work.folder('cache');
    const cache = await BlockCache.open({ directory, maxSizeBytes: MAX_CACHE_BYTES, signal: context.supervisor.signal });
    context.terminal.detail(`cache directory ${directory}`);
    return new InProcessReading(context, cache, storage);
  }

  async list(): Promise<readonly ListedFile[]> {
    const listed: ListedFile[] = [];
    for (const { name, backend } of this.#backends) {
      for await (const { path, size } of this.#blobs(backend, '')) listed.push({ backend: name, path, size });
    }
    return listed;
  }

  async files(splits: readonly SplitName[]): Promise<ShardFiles> {
    const startedMs = performance.now();
    const root = this.#context.work.file('files');
    const limit = pLimit(PARALLEL_COPIES);
    for (const { name, backend } of this.#backends) {
      for (const split of splits) {
        const blobs = await Array.fromAsync(this.#blobs(backend, `${split}/`));
        await limit.map(blobs, (blob) => this.#copy(backend, blob, join(root, name, blob.path)));
      }
    }
    return {
      waitedMs: performance.now() - startedMs,
      root: (split) => BACKENDS.map(({ name }) => join(root, name, split)),
      [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
    };
  }

  async warm(): Promise<readonly WarmOutcome[]> {
    const { supervisor, terminal } = this.#context;
    const outcomes: WarmOutcome[] = [];
    for (const { name, backend } of this.#backends) {
      const startedMs = performance.now();
      const blobs = await Array.fromAsync(this.#blobs(backend, ''));
      using progress = terminal.progress(`warming ${name}`, blobs.length, 'files');
      const report = await this.#cache.warm(backend, blobs, {
        signal: supervisor.signal,
        onProgress: ({ filesDone, bytesDone }) => progress.update(filesDone, formatBytes(bytesDone)),
      });
      outcomes.push({
        backend: name,
        files: blobs.length,
        complete: report.complete,
        bytes: report.bytes,
        fetchedBytes: report.fetchedBytes,
        elapsedMs: performance.now() - startedMs,
      });
    }
    return outcomes;
  }

  counters(): Promise<Counters> {
    const stats = this.#cache.stats();
    return Promise.resolve(
      new Map([
        ['warpdrive_cache_hit_total', stats.hits],
        ['warpdrive_cache_miss_total', stats.misses],
        ['warpdrive_cache_size_bytes', stats.sizeBytes],
        ...[...this.#networkBytes].map(([name, bytes]) => [`${NETWORK_BYTES}{backend="${name}"}`, bytes] as const),
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unsubscribe('warpforge:blob-backend:bytes', this.#count);
    await this.#cache[Symbol.asyncDispose]();
    for (const { backend } of this.#backends) await backend[Symbol.asyncDispose]();
  }

  readonly #count = (message: unknown): void => {
    const { backend, bytes } = message as { backend: string; bytes: number };
    this.#networkBytes.set(backend, (this.#networkBytes.get(backend) ?? 0) + bytes);
  };

  async *#blobs(backend: BlobBackend, prefix: string): AsyncGenerator<BlobProperties> {
    for await (const page of backend.list({ prefix, signal: this.#context.supervisor.signal })) yield* page.blobs;
  }

  async #copy(backend: BlobBackend, blob: BlobProperties, target: string): Promise<void> {
    const { signal } = this.#context.supervisor;
    await mkdir(dirname(target), { recursive: true });
    await using file = await this.#cache.openFile(backend, blob);
    await pipeline(
      async function* () {
        for (let offset = 0; offset < blob.size; offset += COPY_BYTES) {
          yield await file.read(offset, Math.min(COPY_BYTES, blob.size - offset), { signal });
        }
      },
      createWriteStream(target),
      { signal },
    );
  }
}

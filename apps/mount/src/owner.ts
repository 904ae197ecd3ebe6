import { BlockCache, CacheLockedError } from '@warpforge/block-cache';
import { totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { checkBackends, locationOf, openBackends, type OpenBackend } from './backends.ts';
import type { Config } from './config/schema.ts';
import type { Stats, Status, WarmEvent, WarmRequest } from './control/protocol.ts';
import { ControlServer, type ControlledProcess } from './control/server.ts';
import { BackendMonitor } from './observe/backend-monitor.ts';
import { listen } from './observe/channels.ts';
import { Resources } from './resources.ts';
import { version } from './version.ts';
import { warmBackends } from './warm/warm-job.ts';

const MIB = 1024 * 1024;
/** With less a request could not overlap network and disk. */
const LEAST_MEMORY_LIMIT = 16 * MIB;

/** How often somebody who waits for a cache tries again. */
const LOCK_RETRY_MS = 100;

/** How to become the owner of a cache. */
export interface OwnerOptions {
  readonly config: Config;
  readonly role: Status['role'];
  /** How long to wait for another owner to give the cache free, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Told of all that warm-ups do, whoever asked for them. */
  readonly onWarmEvent?: (event: WarmEvent) => void;
  /** Called when somebody asks the process to end. */
  readonly onStop: () => void;
}

/** What a mount adds to the answer to `status`. */
export type MountStatus = Pick<Status, 'mount' | 'metricsUrl'>;

/**
 * The one process that owns a cache directory: holds its lock, has the backends open, and answers on the control socket.
 */
export class CacheOwner implements ControlledProcess, AsyncDisposable {
  readonly cache: BlockCache;
  readonly backends: readonly OpenBackend[];
  readonly monitor: BackendMonitor;
  /** A mount replaces this. */
  mountStatus: () => MountStatus = () => ({});
  readonly #options: OwnerOptions;
  readonly #resources: Resources;
  readonly #startedAt = new Date().toISOString();
  readonly #passthrough = { opens: 0, openedBytes: 0 };
  readonly #jobs = new Set<Promise<void>>();

  private constructor(options: OwnerOptions, resources: Resources, cache: BlockCache, backends: readonly OpenBackend[]) {
    this.#options = options;
    this.#resources = resources;
    this.cache = cache;
    this.backends = backends;
    this.monitor = new BackendMonitor(options.config.backends.map(({ name }) => name));
    resources.defer(() => this.monitor[Symbol.dispose]());
    const counting = listen('warpforge:fuse-fs:passthrough-open', ({ bytes }) => {
      this.#passthrough.opens++;
      this.#passthrough.openedBytes += bytes;
    });
    resources.defer(() => counting[Symbol.dispose]());
  }

  /**
   * Takes the cache, checks that all backends answer, and listens on the socket. Rejects with `CACHE_LOCKED` while another process owns the cache
   * for longer than `waitMs`; whatever was opened is closed again then.
   */
  static async open(options: OwnerOptions): Promise<CacheOwner> {
    const { config, signal } = options;
    const resources = new Resources();
    try {
      const cache = resources.add(await openCache(config, options.waitMs, signal));
      const backends = openBackends(config.backends);
      for (const { backend } of backends) resources.add(backend);
      const owner = new CacheOwner(options, resources, cache, backends);
      await checkBackends(backends, signal);
      resources.add(await ControlServer.listen(config.cache.path, owner));
      return owner;
    } catch (error) {
      await resources[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gives everything back; warm-ups that still run are stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }

  status(): Status {
    const { config, role } = this.#options;
    return {
      pid: process.pid,
      version,
      startedAt: this.#startedAt,
      role,
      cachePath: config.cache.path,
      ...this.mountStatus(),
      backends: config.backends.map((backend) => {
        const lastAnswer = this.monitor.records.get(backend.name)?.lastAnswer;
        const { name, type, mount_path: mountPath } = backend;
        return { name, type, mountPath, location: locationOf(backend), ...(lastAnswer === undefined ? {} : { lastAnswer }) };
      }),
    };
  }

  stats(): Stats {
    const backends = [...this.monitor.records].map(
      ([name, { requests, errors, bytesRead }]) => [name, { requests, errors, bytesRead }] as const,
    );
    return { cache: this.cache.stats(), passthrough: { ...this.#passthrough }, backends: Object.fromEntries(backends) };
  }

  async warm(request: WarmRequest, emit: (event: WarmEvent) => void, signal: AbortSignal): Promise<void> {
    const job = warmBackends({
      cache: this.cache,
      backends: this.backends,
      backend: request.backend,
      prefix: request.prefix ?? '',
      parallel: request.parallel,
      emit: (event) => {
        this.#options.onWarmEvent?.(event);
        emit(event);
      },
      signal: AbortSignal.any([signal, this.#options.signal]),
    });
    this.#jobs.add(job);
    await job.finally(() => this.#jobs.delete(job));
  }

  /** Returns when no warm-up runs any more, whoever asked for it. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs);
  }

  stop(): void {
    this.#options.onStop();
  }
}

async function openCache(config: Config, waitMs: number, signal: AbortSignal): Promise<BlockCache> {
  const { cache } = config;
  const until = performance.now() + waitMs;
  for (;;) {
    try {
      return await BlockCache.open({
        directory: cache.path,
        maxSizeBytes: cache.max_size,
        minFreeBytes: cache.min_free_space,
        blockSizeBytes: cache.block_size,
        readaheadBlocks: cache.readahead_blocks,
        maxParallelFetch: cache.max_parallel_fetch,
        evictHighWater: cache.evict_high_water,
        evictLowWater: cache.evict_low_water,
        memoryLimitBytes: cache.memory_limit ?? defaultMemoryLimit(),
        signal,
      });
    } catch (error) {
      if (!(error instanceof CacheLockedError) || performance.now() >= until) throw error;
      await delay(LOCK_RETRY_MS, undefined, { signal });
    }
  }
}

/** 512 MiB, or a quarter of what this process may use if that is less. */
function defaultMemoryLimit(): number {
  const constrained = process.constrainedMemory();
  const available = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.max(LEAST_MEMORY_LIMIT, Math.min(512 * MIB, Math.floor(available / 4)));
}

import { CacheLockedError } from '@warpforge/block-cache';
import { BlobFileSystem, fuseAvailability, mount, type MountedSession } from '@warpforge/fuse-fs';
import { HealthChecks, MetricsServer, MetricsServerError } from '@warpforge/metrics';
import type { Config } from './config/schema.ts';
import { codeOf, CommandError, EXIT } from './failure.ts';
import { checkDirectoryWritable, checkMount } from './health.ts';
import { interruptible } from './interrupt.ts';
import { createLogger, type Logger } from './log.ts';
import { logEvents } from './observe/event-log.ts';
import { DaemonMetrics } from './observe/metrics.ts';
import { CacheOwner, type OwnerOptions } from './owner.ts';
import { Resources } from './resources.ts';

/**
 * A supervisor that gives a stopped process 5 s (Nx does) must not have to kill it with its mount still there. What has not closed by
 * then is left to the exit, which takes the mount away first.
 */
const STOP_LIMIT_MS = 2_500;

/** A mount answers its first question in milliseconds; one that does not in this time never will. */
const FIRST_ANSWER_LIMIT_MS = 5_000;

/** What `serve` tells when reads work. */
export interface ReadyNotice {
  readonly mountPoint: string;
  readonly pid: number;
  /** Base URL of the metrics endpoint; absent when it is off. */
  readonly metricsUrl?: string;
}

/** How to run the daemon. */
export interface DaemonOptions {
  readonly config: Config;
  /** How long to wait for another process to give the cache free, in milliseconds. */
  readonly waitMs: number;
  readonly onReady: (notice: ReadyNotice) => void;
}

/**
 * Mounts and serves until a signal, another command, or an unmount from outside ends it. Rejects when it can't start or when it breaks.
 * Everything that was opened is closed on every way out.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const log = createLogger(options.config.log);
  const stop = new AbortController();
  process.on('uncaughtException', (error) => {
    log.error({ stack: error.stack }, `internal error, stopping: ${error.message}`);
    stop.abort(error);
  });
  const work = async (interrupted: AbortSignal): Promise<void> => {
    const daemon = new Daemon(options, log, stop, AbortSignal.any([interrupted, stop.signal]));
    try {
      await daemon.run();
    } catch (error) {
      // Being told to stop is how a daemon ends well, also when it was not up yet.
      if (codeOf(error) !== 'INTERRUPTED') throw error;
    } finally {
      await daemon.close();
    }
  };
  await interruptible(work, (name) => log.info(`already stopping; ${name} ignored`));
}

class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Logger;
  readonly #stop: AbortController;
  readonly #signal: AbortSignal;
  readonly #resources = new Resources();
  #owner: CacheOwner | undefined;
  #session: MountedSession | undefined;

  constructor(options: DaemonOptions, log: Logger, stop: AbortController, signal: AbortSignal) {
    this.#options = options;
    this.#log = log;
    this.#stop = stop;
    this.#signal = signal;
  }

  /** Rejects with the signal's reason when that is aborted; returns when somebody else has unmounted. */
  async run(): Promise<void> {
    const { config, waitMs, onReady } = this.#options;
    const fuse = fuseAvailability();
    if (!fuse.ok) throw new CommandError('MOUNT', fuse.reason);

    // First of all: what happens while the cache opens and the backends are asked is to be logged and counted too.
    this.#dispose(logEvents(this.#log));
    const metrics = new DaemonMetrics({ cache: () => this.#owner?.cache.stats(), fuse: () => this.#session?.stats() });
    this.#dispose(metrics);
    const owner = this.#resources.add(
      await takeCache({
        config,
        role: 'serve',
        waitMs,
        signal: this.#signal,
        onWarmEvent: (event) => metrics.observeWarm(event),
        onStop: () => this.#stop.abort(new CommandError('INTERRUPTED', 'stopped by another command')),
      }),
    );
    this.#owner = owner;
    const metricsUrl = await this.#serveMetrics(metrics, owner);

    const fileSystem = this.#resources.add(
      new BlobFileSystem({
        mounts: owner.backends.map((open) => ({ path: open.config.mount_path, backend: open.backend })),
        cache: owner.cache,
        staleTtlMs: config.cache.stale_ttl,
        staleIfErrorMs: config.cache.stale_if_error,
        ...(config.uid === undefined ? {} : { uid: config.uid }),
        ...(config.gid === undefined ? {} : { gid: config.gid }),
        ...(config.umask === undefined ? {} : { umask: config.umask }),
      }),
    );
    const session = this.#resources.add(
      await mount({
        mountPoint: config.mount_point,
        fileSystem,
        source: 'warpdrive',
        allowOther: config.allow_other,
        passthrough: config.fuse.passthrough,
        transport: config.fuse.transport,
        ...(config.fuse.read_ahead === undefined ? {} : { readAheadBytes: config.fuse.read_ahead }),
        ...(config.fuse.threads === undefined ? {} : { threads: config.fuse.threads }),
        signal: this.#signal,
      }),
    );
    this.#session = session;
    await checkMount(config.mount_point, AbortSignal.any([this.#signal, AbortSignal.timeout(FIRST_ANSWER_LIMIT_MS)]));

    const { passthrough, transport } = session;
    owner.mountStatus = () => ({
      mount: { point: config.mount_point, passthrough, hiddenNames: fileSystem.hiddenNames },
      ...(metricsUrl === undefined ? {} : { metricsUrl }),
    });
    this.#log.info({ mount_point: config.mount_point, cache: config.cache.path, transport, passthrough, metrics: metricsUrl }, 'mounted');
    onReady({ mountPoint: config.mount_point, pid: process.pid, ...(metricsUrl === undefined ? {} : { metricsUrl }) });
    await this.#untilEnded(session);
  }

  /** Closes everything in the reverse order, and exits if that takes too long. */
  async close(): Promise<void> {
    const timer = setTimeout(() => {
      this.#log.error(`not everything could be closed within ${STOP_LIMIT_MS} ms; leaving without it`);
      process.exit(EXIT.failed);
    }, STOP_LIMIT_MS);
    try {
      await this.#resources[Symbol.asyncDispose]();
    } finally {
      clearTimeout(timer);
    }
  }

  async #untilEnded(session: MountedSession): Promise<void> {
    const told = Promise.withResolvers<never>();
    const onAbort = (): void => {
      const reason: unknown = this.#signal.reason;
      told.reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    this.#signal.addEventListener('abort', onAbort);
    if (this.#signal.aborted) onAbort();
    try {
      await Promise.race([session.closed, told.promise]);
      this.#log.info({ mount_point: session.mountPoint }, 'unmounted from outside; stopping');
    } catch (error) {
      this.#log.info({ reason: error instanceof Error ? error.message : String(error) }, 'stopping');
      throw error;
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }

  async #serveMetrics(metrics: DaemonMetrics, owner: CacheOwner): Promise<string | undefined> {
    const { config } = this.#options;
    if (!config.metrics.enabled) return undefined;
    const health = new HealthChecks();
    health.add('cache', () => checkDirectoryWritable(config.cache.path));
    health.add('backends', () => owner.monitor.check());
    health.add('mount', (signal) => checkMount(config.mount_point, signal));
    try {
      const server = await MetricsServer.listen({ ...config.metrics.addr, registry: metrics.registry, health });
      return this.#resources.add(server).url;
    } catch (error) {
      if (!(error instanceof MetricsServerError)) throw error;
      const hint = 'choose another with metrics.addr or --metrics-addr, or turn it off with metrics.enabled: false';
      throw new CommandError('METRICS', `the metrics address ${error.message}; ${hint}`, { cause: error });
    }
  }

  #dispose(resource: Disposable): void {
    this.#resources.defer(() => resource[Symbol.dispose]());
  }
}

/** Opens the cache, and tells what a person can do about another owner. */
async function takeCache(options: OwnerOptions): Promise<CacheOwner> {
  try {
    return await CacheOwner.open(options);
  } catch (error) {
    if (!(error instanceof CacheLockedError)) throw error;
    const { pid, host } = error.owner;
    const who = pid === undefined ? 'another process' : `process ${pid}${host === undefined ? '' : ` on ${host}`}`;
    const ways = 'stop that (warpdrive unmount), wait for it (--wait 30s), or take another directory (--cache-path)';
    throw new CommandError('CACHE_BUSY', `the cache ${error.directory} is in use by ${who}: ${ways}`, { cause: error });
  }
}

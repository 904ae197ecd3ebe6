import type { CacheStats } from '@warpforge/block-cache';
import type { SessionStats } from '@warpforge/fuse-fs';
import { MetricRegistry, type Counter, type Sample } from '@warpforge/metrics';
import type { WarmEvent } from '../control/protocol.ts';
import { listen, type Events } from './channels.ts';

/** Seconds; from a local cache proxy to a request that is retried elsewhere before it ends. */
const REQUEST_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30];
/** Seconds; from an answer out of memory to one that waits for the network. */
const OPERATION_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];

/** Where totals are read that are not events. */
export interface MetricSources {
  /** Undefined until the cache is open. */
  readonly cache: () => CacheStats | undefined;
  /** Undefined while nothing is mounted. */
  readonly fuse: () => Pick<SessionStats, 'operations' | 'threadReads'> | undefined;
}

/** Moved by the events of a warm-up. */
interface WarmCounters {
  readonly files: Counter<'backend'>;
  readonly failed: Counter<'backend'>;
  readonly bytes: Counter<'backend'>;
  readonly fetched: Counter<'backend'>;
}

/** All metrics of the daemon, moved by the events of the libraries until disposed. */
export class DaemonMetrics implements Disposable {
  readonly registry = new MetricRegistry();
  readonly #subscriptions: Disposable[] = [];
  readonly #warm: WarmCounters;

  constructor(sources: MetricSources) {
    this.registry.observeProcess();
    this.#observeCache(sources.cache);
    this.#observeBackends();
    this.#observeFuse(sources.fuse);
    const warm = (name: string, help: string): Counter<'backend'> => this.registry.counter({ name, help, labels: ['backend'] });
    this.#warm = {
      files: warm('warpdrive_warm_files_total', 'Files that warm-ups left complete in the cache.'),
      failed: warm('warpdrive_warm_failed_files_total', 'Files that warm-ups could not complete.'),
      bytes: warm('warpdrive_warm_bytes_total', 'Sizes of the files that warm-ups went through.'),
      fetched: warm('warpdrive_warm_fetched_bytes_total', 'Bytes that warm-ups fetched, since they were not in the cache.'),
    };
  }

  /** Counts what a warm-up has done, at the end of each backend. */
  observeWarm(event: WarmEvent): void {
    if (event.type === 'failed') this.#warm.failed.add({ backend: event.backend });
    if (event.type !== 'backend') return;
    const { backend, complete, bytes, fetchedBytes } = event;
    this.#warm.files.add({ backend }, complete);
    this.#warm.bytes.add({ backend }, bytes);
    this.#warm.fetched.add({ backend }, fetchedBytes);
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
  }

  #observeCache(stats: () => CacheStats | undefined): void {
    const sample = (read: (stats: CacheStats) => number): Sample<never>[] => {
      const now = stats();
      return now === undefined ? [] : [{ labels: {}, value: read(now) }];
    };
    const total = (name: string, help: string, read: (stats: CacheStats) => number): void =>
      this.registry.observedCounter({ name, help }, () => sample(read));
    const gauge = (name: string, help: string, read: (stats: CacheStats) => number): void =>
      this.registry.observedGauge({ name, help }, () => sample(read));

    total('warpdrive_cache_hit_total', 'Chunks of reads that reached the daemon and were in the cache.', ({ hits }) => hits);
    total('warpdrive_cache_miss_total', 'Chunks of reads that reached the daemon and were not in the cache.', ({ misses }) => misses);
    total('warpdrive_cache_evictions_total', 'Evictions from the cache.', ({ evictions }) => evictions);
    total(
      'warpdrive_cache_corruption_total',
      'Damaged pieces of the cache that were found, dropped and fetched again.',
      ({ corruptions }) => corruptions,
    );
    total('warpdrive_readahead_hit_total', 'Blocks fetched ahead that were read.', ({ readaheadHits }) => readaheadHits);
    total('warpdrive_readahead_wasted_total', 'Blocks fetched ahead that were dropped unread.', ({ readaheadWasted }) => readaheadWasted);
    total(
      'warpdrive_cache_degraded_total',
      'Times that the disk could not do its part; reads were served from the network then.',
      ({ degradations }) => degradations,
    );
    gauge('warpdrive_cache_size_bytes', 'Bytes of the cache on disk.', ({ sizeBytes }) => sizeBytes);
    gauge(
      'warpdrive_cache_utilization_ratio',
      'Part of max_size that the cache takes on disk.',
      ({ sizeBytes, maxSizeBytes }) => sizeBytes / maxSizeBytes,
    );
    this.registry.observedCounter(
      {
        name: 'warpdrive_served_bytes_total',
        help: 'Bytes that the daemon answered reads with, by where they came from.',
        labels: ['source'],
      },
      () => {
        const now = stats();
        return [
          { labels: { source: 'disk' }, value: now?.servedDiskBytes ?? 0 },
          { labels: { source: 'network' }, value: now?.servedNetworkBytes ?? 0 },
        ];
      },
    );
  }

  #observeBackends(): void {
    const duration = this.registry.histogram({
      name: 'warpdrive_backend_request_duration_seconds',
      help: 'Time from a request to the last byte of its answer; every try counts.',
      labels: ['backend', 'operation'],
      buckets: REQUEST_BUCKETS,
    });
    const bytes = this.registry.counter({
      name: 'warpdrive_backend_bytes_read_total',
      help: 'Bytes of blobs that crossed the network.',
      labels: ['backend'],
    });
    const errors = this.registry.counter({
      name: 'warpdrive_backend_errors_total',
      help: 'Requests that failed; every try counts.',
      labels: ['backend', 'kind'],
    });
    const tokens = this.registry.counter({
      name: 'warpdrive_auth_refresh_total',
      help: 'Access tokens asked for.',
      labels: ['provider', 'status'],
    });
    this.#on('warpforge:blob-backend:request', ({ backend, operation, durationMs, error }) => {
      duration.observe({ backend, operation }, durationMs / 1000);
      if (error !== undefined) errors.add({ backend, kind: error.kind });
    });
    this.#on('warpforge:blob-backend:bytes', (event) => bytes.add({ backend: event.backend }, event.bytes));
    this.#on('warpforge:blob-backend:token', ({ method, ok }) => tokens.add({ provider: method, status: ok ? 'success' : 'failure' }));
  }

  #observeFuse(counters: () => Pick<SessionStats, 'operations' | 'threadReads'> | undefined): void {
    this.registry.observedCounter(
      { name: 'warpdrive_fuse_operations_total', help: 'Requests of the kernel that were answered.', labels: ['operation'] },
      () => {
        const { operations, threadReads } = counters() ?? { operations: {}, threadReads: 0 };
        const all = { ...operations, read: (operations['read'] ?? 0) + threadReads };
        return Object.entries(all).map(([operation, value]) => ({ labels: { operation }, value }));
      },
    );
    const duration = this.registry.histogram({
      name: 'warpdrive_fuse_operation_duration_seconds',
      help: 'Time to answer a request of the kernel; those that a reader thread answers from the disk are not measured.',
      labels: ['operation'],
      buckets: OPERATION_BUCKETS,
    });
    const opens = this.registry.counter({
      name: 'warpdrive_passthrough_opens_total',
      help: 'Opens of files that the kernel then reads by itself.',
    });
    const openedBytes = this.registry.counter({
      name: 'warpdrive_passthrough_opened_bytes_total',
      help: 'Sizes of the files so opened; what the kernel reads of them is in no other counter.',
    });
    const readErrors = this.registry.counter({
      name: 'warpdrive_read_errors_total',
      help: 'Operations that failed because of a backend, by what the reader got.',
      labels: ['backend', 'errno'],
    });
    const stale = this.registry.counter({
      name: 'warpdrive_stale_served_total',
      help: 'Times that the last known version served because the backend could not be asked.',
      labels: ['backend'],
    });
    const faults = this.registry.counter({ name: 'warpdrive_fuse_faults_total', help: 'Faults of the mount itself.', labels: ['kind'] });
    this.#on('warpforge:fuse-fs:operation', ({ operation, durationMs }) => duration.observe({ operation }, durationMs / 1000));
    this.#on('warpforge:fuse-fs:passthrough-open', ({ bytes }) => {
      opens.add({});
      openedBytes.add({}, bytes);
    });
    this.#on('warpforge:fuse-fs:read-error', ({ backend, errno }) => {
      if (errno === undefined) stale.add({ backend });
      else readErrors.add({ backend, errno });
    });
    this.#on('warpforge:fuse-fs:fault', ({ kind }) => faults.add({ kind }));
  }

  #on<Name extends keyof Events>(name: Name, onEvent: (event: Events[Name]) => void): void {
    this.#subscriptions.push(listen(name, onEvent));
  }
}

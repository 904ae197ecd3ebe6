import type { Counters } from '../metrics.ts';
import type { Region } from '../steps/start-storage.ts';

/** The backends of the deployment guide, and the region of each. */
export const BACKENDS = [
  { name: 'datasets-cac', region: 'canadacentral' },
  { name: 'datasets-wus3', region: 'westus3' },
] as const satisfies readonly { name: string; region: Region }[];

/** Name of a backend. */
export type BackendName = (typeof BACKENDS)[number]['name'];

/** The two folders of shards in every backend. */
export type SplitName = 'train' | 'test';

/** A file as a backend shows it. */
export interface ListedFile {
  readonly backend: BackendName;
  /** Path below the backend's root, such as `train/shard-000000.tar`. */
  readonly path: string;
  readonly size: number;
}

/** What warming one backend came to. */
export interface WarmOutcome {
  readonly backend: BackendName;
  readonly files: number;
  /** Files of which every byte is in the cache and verified. */
  readonly complete: number;
  readonly bytes: number;
  /** Bytes that were not in the cache before. */
  readonly fetchedBytes: number;
  readonly elapsedMs: number;
}

/** The shards of some splits as files. Disposing takes away what was made for them. */
export interface ShardFiles extends AsyncDisposable {
  /** The folder of a split's shards in each backend, in the order of {@link BACKENDS}. */
  root(split: SplitName): readonly string[];
  /** Milliseconds that passed before the first file could be read; part of the time that a training waits for data. */
  readonly waitedMs: number;
}

/** How the trainer, which reads nothing but files, gets to the shards in the storage accounts. */
export interface ShardReading extends AsyncDisposable {
  readonly read: 'fuse' | 'in-process';
  /** How the kernel is reached: `kernel`, `fuse-native`, or `none` without a mount. */
  readonly transport: string;
  /** Every file of every backend. */
  list(): Promise<readonly ListedFile[]>;
  /** The shards of these splits as files. */
  files(splits: readonly SplitName[]): Promise<ShardFiles>;
  /** Brings every shard of both backends into the cache. */
  warm(): Promise<readonly WarmOutcome[]>;
  /** The metrics as they are now. */
  counters(): Promise<Counters>;
}

/** The metric that counts bytes that crossed the network. */
export const NETWORK_BYTES = 'warpdrive_backend_bytes_read_total';

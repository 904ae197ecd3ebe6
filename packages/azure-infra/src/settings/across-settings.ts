import { relative } from 'node:path';
import type { SettingKey } from './definitions.ts';

/** Keys of samples in the synthetic data set have eight digits. */
const MOST_IMAGES = 100_000_000;

/** Faults that no setting shows alone. The values are not checked yet: each may be anything. */
export function* faultsAcrossSettings(
  values: Readonly<Partial<Record<SettingKey, unknown>>>,
): Iterable<{ readonly path: readonly [SettingKey]; readonly message: string }> {
  const { storage_account_a: accountA, storage_account_b: accountB, mount_point: mountPoint, cache_dir: cache } = values;
  if (accountA !== undefined && accountA === accountB) {
    yield { path: ['storage_account_b'], message: 'must differ from storage_account_a' };
  }
  if (typeof mountPoint === 'string' && typeof cache === 'string') {
    if (isWithin(cache, mountPoint)) yield { path: ['cache_dir'], message: `must not lie below the mount point ${mountPoint}` };
    else if (isWithin(mountPoint, cache)) yield { path: ['mount_point'], message: `must not lie below the cache ${cache}` };
  }
  if (Number(values.num_shards) * Number(values.images_per_shard) > MOST_IMAGES) {
    yield { path: ['images_per_shard'], message: `must not make more than ${MOST_IMAGES} images in all` };
  }
}

/** Whether `path` is `folder` or lies below it. */
function isWithin(path: string, folder: string): boolean {
  const inner = relative(folder, path);
  return inner !== '..' && !inner.startsWith('../');
}

import { createHash } from 'node:crypto';

/**
 * What tells one data set from another: SHA-256 (hexadecimal) over the base names and sizes of its shards, in their order. Where
 * the shards lie does not count, so it stays the same on another mount.
 */
export function datasetFingerprint(shards: Iterable<{ readonly name: string; readonly size: number }>): string {
  const hash = createHash('sha256');
  for (const { name, size } of shards) hash.update(`${JSON.stringify([name.slice(name.lastIndexOf('/') + 1), size])}\n`);
  return hash.digest('hex');
}

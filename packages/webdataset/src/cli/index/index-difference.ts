import type { IndexedSample, ShardIndex } from '../../shard-index/shard-index.ts';

/** How an index differs from what is in its shard, in words; undefined when it does not. */
export function differenceOf(index: ShardIndex, actual: ShardIndex): string | undefined {
  if (index.samples.length !== actual.samples.length) {
    return `it has ${index.samples.length} samples, the shard ${actual.samples.length}`;
  }
  for (const [number, sample] of index.samples.entries()) {
    const other = actual.samples[number];
    if (other !== undefined && !isSame(sample, other))
      return `sample ${number} ("${other.key ?? ''}") is not where it says, or has other fields`;
  }
  return undefined;
}

function isSame(one: IndexedSample, other: IndexedSample): boolean {
  if (one.fields.size !== other.fields.size || (one.key !== undefined && one.key !== other.key)) return false;
  for (const [name, { offset, size }] of one.fields) {
    const place = other.fields.get(name);
    if (place?.offset !== offset || place.size !== size) return false;
  }
  return true;
}

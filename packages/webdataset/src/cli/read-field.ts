import { WebDatasetError } from '../errors.ts';
import { splitMemberName } from '../sample.ts';
import { headerMismatch } from '../shard-index/check-index.ts';
import { findIndex } from '../shard-index/index-shards.ts';
import { openAtRandom } from '../shard-index/open-at-random.ts';
import type { IndexedSample } from '../shard-index/shard-index.ts';
import { BLOCK_SIZE } from '../tar/header.ts';
import { CommandError } from './failure.ts';
import { samplesWithDataOf } from './shards.ts';

/**
 * The bytes of one field of the first sample with this key that has it: a folder packed as its files come may give several samples one
 * key. With an index only they are read; without one the shard is read up to them.
 *
 * @throws {@link CommandError} `NO_SUCH_SAMPLE`, `NO_SUCH_FIELD`; {@link WebDatasetError} when the shard cannot be read
 */
export async function readField(shard: string, key: string, field: string, signal: AbortSignal): Promise<Uint8Array> {
  const index = await findIndex(shard, { signal });
  // An index in format v1.1 knows no keys.
  if (index?.samples.every((sample) => sample.key !== undefined) === true) {
    const found = index.samples.filter((sample) => sample.key === key);
    if (found.length === 0) throw noSuchSample(shard, key);
    const sample = found.find(({ fields }) => fields.has(field)) ?? found.find(({ duplicates }) => duplicates !== undefined);
    if (sample === undefined)
      throw noSuchField(
        shard,
        key,
        field,
        found.flatMap(({ fields }) => [...fields.keys()]),
      );
    const bytes = await readIndexed(shard, key, field, sample, signal);
    if (bytes !== undefined) return bytes;
  }
  const passed: string[] = [];
  for await (const sample of samplesWithDataOf(shard, signal)) {
    if (sample.key !== key) continue;
    if (sample.fault !== undefined) throw sample.fault;
    const data = sample.fields.get(field)?.data;
    if (data !== undefined) return data;
    passed.push(...sample.fields.keys());
  }
  if (passed.length > 0) throw noSuchField(shard, key, field, passed);
  throw noSuchSample(shard, key);
}

/** Undefined where the bytes cannot be read by the index: the shard is compressed, or not the one that was indexed. */
async function readIndexed(
  shard: string,
  key: string,
  field: string,
  sample: IndexedSample,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (sample.duplicates !== undefined) return undefined; // Its fault is found by reading.
  const place = sample.fields.get(field);
  if (place === undefined) return undefined;
  await using stored = await openAtRandom(shard, signal);
  if (!stored.isRandom) return undefined;
  const bytes = await stored.read(place.offset - BLOCK_SIZE, BLOCK_SIZE + place.size);
  if (headerMismatch(place, bytes, stored.size) !== undefined) return undefined;
  if (bytes.length < BLOCK_SIZE + place.size) {
    throw new WebDatasetError('WDS_TRUNCATED', `field "${field}" ends after the shard does`, { shard, key, offset: place.offset });
  }
  return bytes.subarray(BLOCK_SIZE);
}

function noSuchField(shard: string, key: string, field: string, fields: readonly string[]): CommandError {
  return new CommandError('NO_SUCH_FIELD', `sample "${key}" of ${shard} has no field "${field}"; it has ${fields.join(', ')}`);
}

function noSuchSample(shard: string, key: string): CommandError {
  const asName = splitMemberName(key);
  const hint =
    asName === undefined
      ? `"webdataset ls ${shard}" lists them`
      : `a key ends at the first dot of the file name: try key "${asName.key}" and field "${asName.field}"`;
  return new CommandError('NO_SUCH_SAMPLE', `${shard} has no sample "${key}"; ${hint}`);
}

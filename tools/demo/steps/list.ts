import { basename } from 'node:path';
import { DemoError } from '../errors.ts';
import type { JobContext } from '../job-context.ts';
import { BACKENDS, type BackendName, type ListedFile, type ShardReading, type SplitName } from '../reading/shard-reading.ts';
import { blobName, regionOf } from './upload.ts';
import type { ShardFile } from './write-shards.ts';

/** Names that are shown of each folder. */
const SHOWN = 3;
const FAULTS_SHOWN = 10;

/** Lists every backend through the way of reading, and checks that it shows exactly the shards that were uploaded. */
export async function listShards({ terminal }: JobContext, reading: ShardReading, shards: readonly ShardFile[]): Promise<void> {
  const listed = await reading.list();
  const expected = new Set(shards.map((shard) => lineOf({ backend: backendOf(shard), path: blobName(shard), size: shard.size })));
  const actual = new Set(listed.map(lineOf));
  const faults = [
    ...[...expected].filter((line) => !actual.has(line)).map((line) => `missing: ${line}`),
    ...[...actual].filter((line) => !expected.has(line)).map((line) => `never uploaded: ${line}`),
  ];
  if (faults.length > 0) {
    throw new DemoError('LISTING_WRONG', `the listing is not what was uploaded:\n    ${faults.slice(0, FAULTS_SHOWN).join('\n    ')}`);
  }
  const folders = BACKENDS.flatMap(({ name }) => (['train', 'test'] as const).map((split) => ({ name, split, path: `/${name}/${split}` })));
  const width = Math.max(...folders.map(({ path }) => path.length));
  for (const { name, split, path } of folders) terminal.detail(`${path.padEnd(width)}  ${namesOf(listed, name, split)}`);
}

function backendOf(shard: ShardFile): BackendName {
  const backend = BACKENDS.find(({ region }) => region === regionOf(shard));
  if (backend === undefined) throw new Error(`no backend for shard ${shard.index}`);
  return backend.name;
}

function lineOf({ backend, path, size }: ListedFile): string {
  return `${backend} ${path} (${size} bytes)`;
}

function namesOf(listed: readonly ListedFile[], backend: BackendName, split: SplitName): string {
  const names = listed.filter((file) => file.backend === backend && file.path.startsWith(`${split}/`)).map(({ path }) => basename(path));
  const more = names.length > SHOWN ? `  … ${names.length} files` : '';
  return names.slice(0, SHOWN).join('  ') + more;
}

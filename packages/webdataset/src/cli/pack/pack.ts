import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, WebDatasetError } from '../../errors.ts';
import { ShardWriter } from '../../shard-writer.ts';
import { CommandError } from '../failure.ts';
import { fractionOf } from '../key-hash.ts';
import { startProgress } from '../progress.ts';
import { ShardFolder } from '../shard-folder.ts';
import { toJson, WrittenCount, type WrittenJson } from '../written.ts';
import { classesOfFolders } from './classes.ts';
import { type FolderSample, listFolderSamples } from './folder-samples.ts';

/** Names of classes, the place of each being its label, in the output folder. */
export const CLASSES_FILE = 'classes.json';

/** What to pack, and how. */
export interface PackOptions {
  readonly out: string;
  readonly pattern: string;
  readonly maxCount: number;
  readonly maxSize: number;
  readonly index: boolean;
  readonly classesFromFolders: boolean;
  /** Seed of the order; undefined keeps the order of the keys. */
  readonly shuffle: number | undefined;
  readonly force: boolean;
}

/** What `webdataset pack --json` prints. */
export interface PackJson extends WrittenJson {
  /** Names of classes, the place of each being its label; only with `--classes-from-folders`. */
  readonly classes?: readonly string[];
  /** Files that can be part of no sample. */
  readonly skipped: readonly string[];
}

/** Samples whose files are read while the ones before are written: enough to keep a disk or a network file system busy. */
const SAMPLES_AHEAD = 8;

/** Packs a folder of files into shards. */
export async function pack(root: string, options: PackOptions, signal: AbortSignal): Promise<PackJson> {
  const { out, pattern, maxCount, maxSize, index, force, shuffle } = options;
  const { samples, skipped } = await listFolderSamples(root, out, signal);
  if (samples.length === 0) {
    const seen = skipped.length === 0 ? 'has no files' : `has only files that cannot be part of a sample, such as "${skipped[0] ?? ''}"`;
    throw new CommandError('NOTHING_TO_PACK', `"${root}" ${seen}; samples are files with an extension, such as 0001.jpg and 0001.cls`);
  }
  if (shuffle !== undefined) shuffleByKey(samples, shuffle);
  const classes = options.classesFromFolders ? classesOfFolders(samples) : undefined;

  await using folder = await ShardFolder.open(out, { pattern, force });
  using progress = await startProgress('packing', 'samples');
  const count = new WrittenCount();
  await using writer = new ShardWriter({ directory: folder.staging, pattern, maxCount, maxSize, index });
  for await (const { sample, fields } of readAhead(samples)) {
    signal.throwIfAborted();
    const labelled = classes === undefined ? fields : { ...fields, cls: String(classes.labelOf(sample)) };
    await writer.write({ ...labelled, __key__: sample.key });
    count.add(
      Object.keys(labelled),
      Object.values(fields).reduce((total, { length }) => total + length, 0),
    );
    progress.update({ done: count.samples, total: samples.length, bytes: count.bytes });
  }
  const written = await writer.close();
  signal.throwIfAborted();
  if (classes !== undefined) await writeClasses(join(out, CLASSES_FILE), classes.names);
  const json = toJson(count, await folder.publish(written));
  return { ...json, ...(classes === undefined ? {} : { classes: classes.names }), skipped };
}

function shuffleByKey(samples: FolderSample[], seed: number): void {
  const places = new Map(samples.map(({ key }) => [key, fractionOf(seed, key)]));
  samples.sort(({ key: one }, { key: other }) => (places.get(one) ?? 0) - (places.get(other) ?? 0));
}

interface ReadSample {
  readonly sample: FolderSample;
  readonly fields: Readonly<Record<string, Buffer>>;
}

/** Reads the files of samples, some ahead of the one that is handed out. */
async function* readAhead(samples: readonly FolderSample[]): AsyncGenerator<ReadSample, void, undefined> {
  const ahead: Promise<ReadSample>[] = [];
  for (const sample of samples) {
    const reading = readSample(sample);
    // When an earlier one fails, nobody waits for this one any more.
    reading.catch(() => undefined);
    ahead.push(reading);
    if (ahead.length > SAMPLES_AHEAD) yield* takeFirst(ahead);
  }
  while (ahead.length > 0) yield* takeFirst(ahead);
}

async function* takeFirst<T>(queue: Promise<T>[]): AsyncGenerator<T, void, undefined> {
  const first = queue.shift();
  if (first !== undefined) yield await first;
}

async function readSample(sample: FolderSample): Promise<ReadSample> {
  const fields = [...sample.files].map(async ([field, path]) => [field, await readPart(path, sample.key)] as const);
  return { sample, fields: Object.fromEntries(await Promise.all(fields)) };
}

async function readPart(path: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new WebDatasetError('WDS_READ', `cannot read "${path}": ${reasonOf(error)}`, { key, cause: error });
  }
}

async function writeClasses(path: string, names: readonly string[]): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(names, null, 2)}\n`);
  } catch (error) {
    throw new WebDatasetError('WDS_WRITE', `cannot write "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { atLeast } from '../at-least.ts';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { indexPathOf } from '../shard-index/index-path.ts';
import { findIndex } from '../shard-index/index-shards.ts';
import { isNameOf, ShardWriter, type WrittenShard } from '../shard-writer.ts';
import { encodeImages } from './encode-images.ts';
import { loadJpegEncoder } from './jpeg-encoders.ts';
import { isRecipe, readRecipe, writeRecipe, type Recipe } from './recipe.ts';
import { SyntheticImages } from './synthetic-images.ts';

/** What a synthetic data set is made from. */
export interface SyntheticShardsOptions {
  /** Folder of its own for the shards; made if missing. */
  readonly directory: string;
  /** How many shards. */
  readonly shards: number;
  readonly imagesPerShard: number;
  /** Width and height of an image in pixels. Default 224. */
  readonly size?: number | undefined;
  /** The same seed and settings give the same pixels, and the same bytes where the same JPEG encoder loads. Default 0. */
  readonly seed?: number | undefined;
  /** Number of the first shard. Keys count through all shards from shard 0 on, so that parts made apart fit together. Default 0. */
  readonly firstShard?: number | undefined;
}

/** How far {@link writeSyntheticShards} is; shards of an earlier run count as done. */
export interface SyntheticProgress {
  readonly images: number;
  readonly totalImages: number;
  readonly shards: number;
  readonly totalShards: number;
}

/** How to write a synthetic data set. */
export interface WriteSyntheticShardsOptions extends SyntheticShardsOptions {
  /** Ends the writing with its reason, and leaves whole shards only. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each image. */
  readonly onProgress?: ((progress: SyntheticProgress) => void) | undefined;
}

const DEFAULT_SIZE = 224;
const PATTERN = 'shard-%06d.tar';

/** A sample's key is its number in the data set, with this many digits. */
const KEY_DIGITS = 8;

/**
 * Writes a data set of {@link SyntheticImages} as shards `shard-%06d.tar` of `%08d.jpg` and `%08d.cls`, an index beside each.
 *
 * What the shards of a folder were made from stands in its `synthetic.json`. Shards that an earlier run with the same settings has
 * completed are not written again; those of other settings are removed first.
 *
 * @returns the shards in order
 * @throws {@link WebDatasetError} `WDS_NOT_EMPTY` when the folder holds shards that were not made here; `WDS_WRITE`
 */
export async function writeSyntheticShards(options: WriteSyntheticShardsOptions): Promise<readonly WrittenShard[]> {
  const { directory, shards, imagesPerShard, firstShard = 0, signal, onProgress } = options;
  for (const [name, value] of Object.entries({ shards, imagesPerShard })) atLeast(name, value, 1);
  atLeast('firstShard', firstShard, 0);
  const recipe = await recipeOf(options);
  const images = new SyntheticImages(recipe);
  await prepare(directory, recipe);
  const written: WrittenShard[] = [];
  let done = 0;
  const tell = (): void =>
    onProgress?.({ images: done, totalImages: shards * imagesPerShard, shards: written.length, totalShards: shards });
  for (let number = firstShard; number < firstShard + shards; number += 1) {
    signal?.throwIfAborted();
    const complete = await findShard(directory, number, imagesPerShard);
    if (complete !== undefined) {
      written.push(complete);
      done += imagesPerShard;
      tell();
      continue;
    }
    await using writer = new ShardWriter({ directory, pattern: PATTERN, firstShard: number, maxCount: imagesPerShard, maxSize: Infinity });
    let key = number * imagesPerShard;
    for await (const { jpeg, label } of encodeImages(images.range(key, imagesPerShard), images.shape)) {
      signal?.throwIfAborted();
      await writer.write({ __key__: String(key++).padStart(KEY_DIGITS, '0'), jpg: jpeg, cls: label });
      done += 1;
      tell();
    }
    written.push(...(await writer.close()));
    tell();
  }
  return written;
}

/** The shards of a data set that an earlier run with the same settings has completed, in order; none when the settings differ. */
export async function findSyntheticShards(options: SyntheticShardsOptions): Promise<readonly WrittenShard[]> {
  const { directory, shards, imagesPerShard, firstShard = 0 } = options;
  if (!isRecipe(await readRecipe(directory), await recipeOf(options))) return [];
  const numbers = Array.from({ length: shards }, (_, index) => firstShard + index);
  const found = await Promise.all(numbers.map((number) => findShard(directory, number, imagesPerShard)));
  return found.filter((shard) => shard !== undefined);
}

async function recipeOf({ imagesPerShard, size = DEFAULT_SIZE, seed = 0 }: SyntheticShardsOptions): Promise<Recipe> {
  return { seed, imagesPerShard, size, encoder: (await loadJpegEncoder()).name };
}

/** A shard that is there, with an index that fits it: the writer gives a shard its name, and then its index, when it is complete. */
async function findShard(directory: string, number: number, samples: number): Promise<WrittenShard | undefined> {
  const path = join(directory, `shard-${String(number).padStart(6, '0')}.tar`);
  const indexPath = indexPathOf(path);
  const size = await sizeOf(path);
  if (size === undefined || (await sizeOf(indexPath)) === undefined) return undefined;
  const index = await findIndex(path);
  return index?.samples.length === samples ? { path, indexPath, samples, size } : undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new WebDatasetError('WDS_READ', `cannot look at the shard: ${reasonOf(error)}`, { shard: path, cause: error });
  }
}

/** Makes sure that all shards in the folder are those of the recipe. */
async function prepare(directory: string, recipe: Recipe): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    const present = await readRecipe(directory);
    if (isRecipe(present, recipe)) return;
    const old = (await readdir(directory)).filter(isNameOf(PATTERN)).sort();
    if (present === undefined && old[0] !== undefined) {
      throw new WebDatasetError(
        'WDS_NOT_EMPTY',
        `"${directory}" holds ${old[0]}, which was not made here and would be replaced; choose another folder, or empty this one`,
      );
    }
    for (const name of old) await rm(join(directory, name), { force: true });
    await writeRecipe(directory, recipe);
  } catch (error) {
    if (error instanceof WebDatasetError) throw error;
    throw new WebDatasetError('WDS_WRITE', `cannot write to "${directory}": ${reasonOf(error)}`, { cause: error });
  }
}

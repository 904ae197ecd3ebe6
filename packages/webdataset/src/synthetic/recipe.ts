import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryName } from '../temporary-files.ts';

/** What all synthetic shards of a folder are made from. */
export interface Recipe {
  readonly seed: number;
  readonly imagesPerShard: number;
  /** Width and height of an image in pixels. */
  readonly size: number;
  /** The package that encodes them. */
  readonly encoder: string;
}

const FILE = 'synthetic.json';

/** Goes up whenever the same settings give other shards than before. */
const VERSION = 1;

/** What the folder's shards were made from, whatever it says; undefined when there is no such file. */
export async function readRecipe(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, FILE), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether a text that was read says the same as the recipe. */
export function isRecipe(text: string | undefined, recipe: Recipe): boolean {
  return text === format(recipe);
}

/** Writes down what the folder's shards are made from. */
export async function writeRecipe(directory: string, recipe: Recipe): Promise<void> {
  const temporary = join(directory, await temporaryName(FILE));
  await writeFile(temporary, format(recipe), { flag: 'wx' });
  await rename(temporary, join(directory, FILE));
}

function format({ seed, imagesPerShard, size, encoder }: Recipe): string {
  return `${JSON.stringify({ version: VERSION, seed, imagesPerShard, size, encoder })}\n`;
}

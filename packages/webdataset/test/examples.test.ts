import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support.ts';

const FOLDER = join(import.meta.dirname, '../examples');

/** What each example prints, in sorted lines where processes race. */
const PRINTS: Readonly<Record<string, readonly string[]>> = {
  'write-shards': [0, 1, 2].map((shard) => `data/train/shard-00000${shard}.tar: 20 samples`),
  'read-samples': [
    '8 samples, classes 8 0 2 8 2 2 0 8, 256 pixels each',
    '8 samples, classes 0 6 8 6 4 4 4 0, 256 pixels each',
    '8 samples, classes 4 8 6 6 2 0 8 6, 256 pixels each',
    '6 samples, classes 0 6 2 4 4 2, 256 pixels each',
  ],
  'train-loop': [
    'epoch 0: 16 samples, image 16x3x12x12, first label 9',
    'epoch 0: 16 samples, image 16x3x12x12, first label 3',
    'epoch 0: 16 samples, image 16x3x12x12, first label 4',
    'epoch 0: 12 samples, image 12x3x12x12, first label 4',
    'epoch 1: 16 samples, image 16x3x12x12, first label 1',
    'epoch 1: 16 samples, image 16x3x12x12, first label 1',
    'epoch 1: 16 samples, image 16x3x12x12, first label 4',
    'epoch 1: 12 samples, image 12x3x12x12, first label 3',
  ],
  resume: ['stopped after 32 samples', '60 samples in the order of an uninterrupted epoch: true'],
  'two-ranks': ['rank 0: 30 samples', 'rank 1: 30 samples'],
  'random-access': ['20 samples', 'sample 5 is 00000025 of class 5', 'the last one has the fields cls, jpg, json'],
  'custom-decoder': ['0 is even, 1 is uneven, 2 is even', '30 is even, 31 is uneven, 32 is even'],
  'http-source': ['60 samples over HTTP', '20 samples from an opener'],
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await run('write-shards');
});
afterAll(() => folder[Symbol.asyncDispose]());

async function run(example: string): Promise<string[]> {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder.path, 'cache') };
  const args = ['--conditions=@warpforge/source', join(FOLDER, `${example}.ts`)];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder.path, env });
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  return example === 'two-ranks' ? lines.sort() : lines;
}

describe('the examples', () => {
  it.each(Object.entries(PRINTS))('%s', async (example, prints) => {
    expect(await run(example)).toEqual(prints);
  });

  it('are all run here', async () => {
    const files = (await readdir(FOLDER)).filter((name) => !name.endsWith('-decoder.ts') || name === 'custom-decoder.ts');
    expect(files.map((name) => name.replace('.ts', '')).sort()).toEqual(Object.keys(PRINTS).sort());
  });
});

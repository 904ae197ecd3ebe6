import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeImageShards } from './support.ts';

const packageRoot = join(import.meta.dirname, '..');

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: 3, samplesPerShard: 40 });
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program in a process of its own, which must end by itself. */
async function runProgram(body: string, { module = '@warpforge/webdataset', cwd = packageRoot } = {}): Promise<Ended> {
  const program = `import { image, integer, Loader } from '${module}';
    const shards = ${JSON.stringify(shards)};
    const fields = { image: image({ height: 8, width: 8, from: ['jpg'] }), label: integer({ from: ['cls'] }) };
    ${body}`;
  const args = ['--conditions=@warpforge/source', '--input-type=module', '-e', program];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 50_000 });
    return { code: 0, output: stdout.trim(), errors: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout.trim(), errors: stderr };
  }
}

const WITHOUT_CLOSING = `
  const loader = await Loader.open({ shards, batchSize: 10, seed: 1, fields, workers: 2 });
  let images = 0;`;

describe('a process ends by itself, though the loader was not closed,', () => {
  it('after a whole epoch', async () => {
    const ended = await runProgram(`${WITHOUT_CLOSING}
      for await (const batch of loader.epoch(0)) { images += batch.size; batch.release(); }
      console.log(images);`);
    expect(ended).toEqual({ code: 0, output: '120', errors: '' });
  });

  it('after a break, with batches still in use', async () => {
    const ended = await runProgram(`${WITHOUT_CLOSING}
      for await (const batch of loader.epoch(0)) { images += batch.size; if (images === 30) break; }
      console.log(images);`);
    expect(ended).toEqual({ code: 0, output: '30', errors: '' });
  });

  it('after an abort in the middle', async () => {
    const ended = await runProgram(`
      const controller = new AbortController();
      const loader = await Loader.open({ shards, batchSize: 10, seed: 1, fields, workers: 2, signal: controller.signal });
      try {
        for await (const batch of loader.epoch(0)) { batch.release(); controller.abort(new Error('enough')); }
      } catch (error) { console.log(error.message); }`);
    expect(ended).toEqual({ code: 0, output: 'enough', errors: '' });
  });

  it('after an error in the loop', async () => {
    const ended = await runProgram(`${WITHOUT_CLOSING}
      for await (const batch of loader.epoch(0)) throw new Error('the program failed');`);
    expect(ended).toMatchObject({ code: 1, errors: expect.stringContaining('the program failed') as string });
  });

  it('when no batch was ever given back: Node says that it waits for nothing', async () => {
    const ended = await runProgram(`${WITHOUT_CLOSING}
      for await (const batch of loader.epoch(0)) images += batch.size;`);
    expect(ended.code).toBe(13);
  });

  it('when it never ran an epoch', async () => {
    expect(await runProgram(WITHOUT_CLOSING)).toEqual({ code: 0, output: '', errors: '' });
  });
});

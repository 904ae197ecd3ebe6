import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
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
  const program = `import { ImageLoader } from '${module}';
    const shards = ${JSON.stringify(shards)};
    const image = { height: 8, width: 8, channels: 3 };
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
  const loader = await ImageLoader.open({ shards, batchSize: 10, seed: 1, image, workers: 2 });
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
      const loader = await ImageLoader.open({ shards, batchSize: 10, seed: 1, image, workers: 2, signal: controller.signal });
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

describe('the built package', () => {
  it('runs its threads from JavaScript, and needs no native decoder', async () => {
    // The package as npm would install it, with only its required dependency beside it.
    const installed = join(folder.path, 'node_modules/@warpforge/webdataset');
    await mkdir(join(installed, '..'), { recursive: true });
    execFileSync(process.execPath, [
      join(packageRoot, '../../node_modules/typescript/bin/tsc'),
      ...['-p', join(packageRoot, 'tsconfig.lib.json'), '--outDir', join(installed, 'dist')],
      ...[
        '--composite',
        'false',
        '--incremental',
        'false',
        '--tsBuildInfoFile',
        'null',
        '--sourceMap',
        'false',
        '--inlineSources',
        'false',
        '--declarationMap',
        'false',
      ],
    ]);
    await cp(join(packageRoot, 'package.json'), join(installed, 'package.json'));
    await symlink(join(packageRoot, '../../node_modules/jpeg-js'), join(folder.path, 'node_modules/jpeg-js'));
    await writeFile(join(folder.path, 'package.json'), '{}');
    const program = `import { ImageLoader } from '@warpforge/webdataset';
      await using loader = await ImageLoader.open({ shards: ${JSON.stringify(shards)}, batchSize: 16, seed: 1, workers: 2, image: { height: 8, width: 8, channels: 3 } });
      let images = 0, bright = 0;
      for await (const batch of loader.epoch(0)) { images += batch.size; bright += batch.pixels.some((value) => value > 50) ? 1 : 0; batch.release(); }
      console.log(images, bright);`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: folder.path });
    expect({ stdout, stderr }).toEqual({ stdout: '120 8\n', stderr: '' });
  });
});

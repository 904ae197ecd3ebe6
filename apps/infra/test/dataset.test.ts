import { spawn, type ChildProcess } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ShardWriter } from '@warpforge/webdataset';
import { writeSyntheticShards } from '@warpforge/webdataset/synthetic';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownShards } from '../src/dataset/own-shards.ts';
import { startStorage, type ListedBlob, type Storage } from './dataset/storage.ts';

const BIN = fileURLToPath(new URL('../bin/warpforge-infra.mjs', import.meta.url));
const MIB = 1024 * 1024;

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());
beforeEach(async () => {
  storage.heal();
  await storage.clear();
  storage.answers.length = 0;
});

/** What `--json` prints. */
interface UploadOutput {
  readonly files: readonly { readonly blob: string; readonly outcome: string; readonly sentBytes: number }[];
  readonly failures: readonly object[];
}

interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], folder: string): ChildProcess {
  const outputs = join(storage.folder, 'outputs');
  return spawn(process.execPath, [BIN, 'dataset', '--output-dir', outputs, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: storage.environment,
  });
}

async function resultOf(child: ChildProcess): Promise<Result> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

const run = (args: readonly string[], folder: string): Promise<Result> => resultOf(start(args, folder));
const newFolder = (): Promise<string> => mkdtemp(join(storage.folder, 'test-'));
const names = (blobs: readonly ListedBlob[]): string[] => blobs.map(({ name }) => name);

/** A folder of shards without indexes, of a few samples each. */
async function makeShards(shardNames: readonly string[]): Promise<string> {
  const folder = await newFolder();
  const [made] = await writeSyntheticShards({ directory: join(folder, 'made'), shards: 1, imagesPerShard: 2, size: 16 });
  const shard = await readFile(made!.path);
  await mkdir(join(folder, 'own'));
  for (const name of shardNames) await writeFile(join(folder, 'own', name), shard);
  return join(folder, 'own');
}

describe('warpforge-infra dataset', () => {
  const SMALL = ['--num-shards', '5', '--images-per-shard', '3', '--image-size', '32'];

  it('makes shards, uploads even ones to A and odd ones to B, does nothing the second time, and finds every difference', async () => {
    const folder = await newFolder();
    const args = [...SMALL, '--work-dir', 'work'];
    const first = await run(args, folder);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^==> Making 5 shards of 3 images of 32x32 in work\n/);
    expect(first.stdout).toContain('==> Uploading 3 shards to accounta/coco2017-wds/train/\n');
    expect(first.stdout).toMatch(/\n10 files, .* in place and verified: 10 uploaded \(.*\), 0 there already\n$/);
    const [inA, inB] = await Promise.all(['accounta', 'accountb'].map((account) => storage.list(account)));
    expect(names(inA!)).toEqual(['0', '2', '4'].flatMap((number) => [`train/shard-00000${number}.idx`, `train/shard-00000${number}.tar`]));
    expect(names(inB!)).toEqual(['1', '3'].flatMap((number) => [`train/shard-00000${number}.idx`, `train/shard-00000${number}.tar`]));
    for (const { name, size, md5 } of [...inA!, ...inB!]) {
      const bytes = await readFile(join(folder, 'work', name.replace('train/', '')));
      expect([size, md5]).toEqual([bytes.length, hash('md5', bytes, 'base64')]);
    }

    storage.answers.length = 0;
    const second = await run([...args, '--json'], folder);
    expect(second.code).toBe(0);
    const { files, failures } = JSON.parse(second.stdout) as UploadOutput;
    expect(files).toHaveLength(10);
    expect(files.every(({ outcome }) => outcome === 'present')).toBe(true);
    expect(files[2]).toMatchObject({ account: 'accountb', container: 'coco2017-wds', blob: 'train/shard-000001.tar', sentBytes: 0 });
    expect(failures).toEqual([]);
    expect(storage.answers.filter(({ method }) => method === 'PUT')).toEqual([]);

    // On a machine that has not made them.
    const { code, stdout } = await run([...SMALL, '--verify'], folder);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^10 blobs, .*, as they should be, .* were not compared/)]);

    await storage.send('DELETE', 'accounta', '/train/shard-000002.tar');
    await storage.send('PUT', 'accountb', '/train/shard-000001.idx', Buffer.from('other'));
    await storage.send('PUT', 'accountb', '/train/shard-000002.tar', Buffer.from('here?'));
    const verified = await run([...args, '--verify', '--json'], folder);
    expect(verified.code).toBe(1);
    expect(verified.stderr).toMatch(/^warpforge-infra: 3 blobs are not as they should be; "warpforge-infra dataset" uploads/);
    expect(verified.stderr).toContain('accounta/coco2017-wds/train/shard-000002.tar: is missing');
    expect(verified.stderr).toMatch(/accountb\/coco2017-wds\/train\/shard-000001\.idx: has 5 bytes, the file \d+/);
    expect(verified.stderr).toContain('accountb/coco2017-wds/train/shard-000002.tar: nothing asks for it');
    const report = JSON.parse(verified.stdout) as { same: number; compared: number; differences: { kind: string }[] };
    expect([report.same, report.compared]).toEqual([8, 8]);
    expect(report.differences.map(({ kind }) => kind).sort()).toEqual(['extra', 'missing', 'size']);
  });

  it('takes the shards of a folder, over connections that break in the middle and a service that is busy', async () => {
    const own = await makeShards(['coco-07.tar', 'coco-2.tar', 'coco-10.tar']);
    storage.inject({ kind: 'reset', path: /coco-2\.tar/, method: 'PUT', afterBytes: 700 });
    storage.inject({ kind: 'busy', path: /coco-07\.tar/, method: 'PUT' });
    expect(await run(['--folder', own, '--prefix', 'val/', '--work-dir', 'work'], own)).toMatchObject({ code: 0 });
    expect(names(await storage.list('accounta'))).toEqual(['val/coco-10.idx', 'val/coco-10.tar', 'val/coco-2.idx', 'val/coco-2.tar']);
    expect(names(await storage.list('accountb'))).toEqual(['val/coco-07.idx', 'val/coco-07.tar']);
    const { md5 } = (await storage.list('accounta'))[3]!;
    expect(md5).toBe(hash('md5', await readFile(join(own, 'coco-2.tar')), 'base64'));
  });

  it('uploads all others when one file fails, lists it, and ends with 1', async () => {
    const own = await makeShards(['s-0.tar', 's-1.tar', 's-2.tar', 's-3.tar']);
    await writeFile(join(own, 's-9.idx'), 'index');
    await symlink(join(own, 'gone'), join(own, 's-9.tar'));
    const { code, stdout, stderr } = await run(['--folder', own, '--json'], own);
    expect(code).toBe(1);
    expect(stderr).toMatch(/1 of 10 files could not be uploaded.*\n {2}accountb\/coco2017-wds\/train\/s-9\.tar: ENOENT/);
    const { files, failures } = JSON.parse(stdout) as UploadOutput;
    expect(files).toHaveLength(9);
    expect(failures).toEqual([
      { account: 'accountb', container: 'coco2017-wds', blob: 'train/s-9.tar', reason: expect.stringContaining('ENOENT') as string },
    ]);
    expect(names(await storage.list('accountb'))).toContain('train/s-3.tar');
  });

  /** Starts the upload of a small and a large file, and returns when all of it is there but one block of nine, and the commit. */
  async function startAndHold(own: string): Promise<{ child: ChildProcess; release: () => void }> {
    const held = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    const until = (): Promise<undefined> => {
      held.resolve(undefined);
      return released.promise;
    };
    storage.inject({ kind: 'hold', path: /s-2\.tar/, method: 'PUT', until });
    const child = start(['--folder', own, '--json'], own);
    await held.promise;
    const answered = (wanted: string, name: string): number =>
      storage.answers.filter(({ method, path, status }) => method === wanted && path.endsWith(name) && status < 300).length;
    await expect.poll(() => answered('PUT', 's-2.tar'), { timeout: 30_000 }).toBe(8);
    await expect.poll(() => answered('HEAD', 's-0.tar'), { timeout: 30_000 }).toBe(1);
    return { child, release: () => released.resolve(undefined) };
  }

  /** A small shard and one of nine blocks; that this is no archive does not matter as it comes with an index. */
  async function smallAndLarge(): Promise<{ own: string; bytes: Buffer }> {
    const own = await makeShards(['s-0.tar']);
    const bytes = Buffer.alloc(65 * MIB, 'block');
    await writeFile(join(own, 's-2.tar'), bytes);
    await writeFile(join(own, 's-2.idx'), 'index');
    return { own, bytes };
  }

  it('goes on after kill -9 in the middle of a file: files and blocks that are there are not sent again', async () => {
    const { own, bytes } = await smallAndLarge();
    const { child, release } = await startAndHold(own);
    const ended = resultOf(child);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    expect(names(await storage.list('accounta'))).not.toContain('train/s-2.tar');
    release();

    const { files } = JSON.parse((await run(['--folder', own, '--json'], own)).stdout) as UploadOutput;
    const found = new Map(files.map((file) => [file.blob, file]));
    expect(found.get('train/s-0.tar')?.outcome).toBe('present');
    expect(found.get('train/s-2.tar')?.outcome).toBe('uploaded');
    expect(found.get('train/s-2.tar')?.sentBytes).toBeLessThanOrEqual(8 * MIB);
    expect((await storage.list('accounta')).find(({ name }) => name === 'train/s-2.tar')).toEqual({
      name: 'train/s-2.tar',
      size: bytes.length,
      md5: hash('md5', bytes, 'base64'),
    });
  });

  it('stops on Ctrl-C, says how to go on, and leaves nothing half-written visible', async () => {
    const { own } = await smallAndLarge();
    const { child, release } = await startAndHold(own);
    const ended = resultOf(child);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    release();
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr).toMatch(/The same command goes on where this one was stopped\.\nwarpforge-infra: interrupted by SIGINT\n$/);
    expect(names(await storage.list('accounta'))).not.toContain('train/s-2.tar');
  });

  it('says that nothing has been provisioned, that there are no shards, and what is wrong with its flags', async () => {
    const folder = await newFolder();
    const nothing = await run(['--output-dir', 'empty'], folder);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('warpforge-infra provision')]);
    const empty = await run(['--folder', folder], folder);
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining(`there are no shards (*.tar) in ${folder}`)]);
    expect(await run(['--parallel', '0'], folder)).toMatchObject({ code: 2 });
    expect(await run(['--seed', '-1'], folder)).toMatchObject({ code: 2 });
    expect(storage.answers).toEqual([]);
  });
});

describe('ownShards', () => {
  const find = (folder: string, warnings: string[] = []) =>
    ownShards({
      folder,
      workFolder: join(folder, 'work'),
      signal: new AbortController().signal,
      onWarning: (message) => warnings.push(message),
    });

  it('numbers shards by their names, and by their place in the list when not all names have a number', async () => {
    const numbered = await makeShards(['coco-07.tar', 'coco-2.tar', 'coco-10.tar']);
    await writeFile(join(numbered, 'notes.txt'), 'no shard');
    expect((await find(numbered)).map(({ name, number }) => [name, number])).toEqual([
      ['coco-07.tar', 7],
      ['coco-10.tar', 10],
      ['coco-2.tar', 2],
    ]);
    const named = await makeShards(['b.tar', 'a1.tar', 'c.tar']);
    expect((await find(named)).map(({ name, number }) => [name, number])).toEqual([
      ['a1.tar', 0],
      ['b.tar', 1],
      ['c.tar', 2],
    ]);
  });

  it('takes the index beside a shard, and makes those that are missing elsewhere', async () => {
    const folder = await makeShards(['a-0.tar', 'a-1.tar']);
    await writeFile(join(folder, 'a-0.idx'), 'mine');
    const [first, second] = await find(folder);
    expect(first!.index?.path).toBe(join(folder, 'a-0.idx'));
    expect(second!.index?.path).toBe(join(folder, 'work/indexes/a-1.idx'));
    expect(await readFile(second!.index!.path!, 'utf8')).toMatch(/^v1\.2 2\n/);
    expect((await readdir(folder)).filter((name) => name.endsWith('.idx'))).toEqual(['a-0.idx']);
  });

  it('leaves out the index of a shard that cannot have one', async () => {
    const folder = await newFolder();
    await using writer = new ShardWriter({ directory: folder });
    await writer.write({ __key__: 'a b', txt: 'blank in its name' });
    await writer.close();
    const warnings: string[] = [];
    const [shard] = await find(folder, warnings);
    expect(shard!.index).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('shard-000000.tar is uploaded without an index')]);
  });

  it('refuses a folder that is not there, and a damaged shard', async () => {
    await expect(find('/nowhere')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('cannot read the folder /nowhere') as string,
    });
    const folder = await newFolder();
    await writeFile(join(folder, 'shard-0.tar'), randomBytes(2048));
    await expect(find(folder)).rejects.toThrow('shard-0.tar');
  });
});

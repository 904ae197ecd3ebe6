import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../src/data/dataset.ts';
import { temporaryFolder } from './shards.ts';

/** Makes files of these sizes; only names and sizes matter here. */
async function makeShards(root: string, shards: Record<string, number>): Promise<string> {
  for (const [name, size] of Object.entries(shards)) {
    await mkdir(join(root, name, '..'), { recursive: true });
    await writeFile(join(root, name), Buffer.alloc(size));
  }
  return root;
}

describe('a data set', () => {
  it('has the shards of all roots, root after root, at any depth', async () => {
    await using folder = await temporaryFolder();
    const b = await makeShards(join(folder.path, 'b'), { 'train/2.tar': 1, '1.tar': 1, 'notes.txt': 1 });
    const a = await makeShards(join(folder.path, 'a'), { '3.tar': 1 });
    const { roots, shards } = await openDataset([b, a]);
    expect(shards).toEqual([join(b, '1.tar'), join(b, 'train/2.tar'), join(a, '3.tar')]);
    expect(roots).toEqual([
      { path: b, shards: shards.slice(0, 2) },
      { path: a, shards: shards.slice(2) },
    ]);
  });

  it('is the same one wherever it lies, and another one when a name, a size, a root or the order is another', async () => {
    await using folder = await temporaryFolder();
    const path = (name: string): string => join(folder.path, name);
    const fingerprint = async (...roots: string[]): Promise<string> => (await openDataset(roots.map(path))).fingerprint;
    await makeShards(path('a'), { '1.tar': 10, 'x/2.tar': 20 });
    await makeShards(path('b'), { '3.tar': 30 });
    const before = await fingerprint('a', 'b');
    await rename(path('a'), path('moved'));
    expect(await fingerprint('moved', 'b')).toBe(before);

    const others = [await fingerprint('b', 'moved'), await fingerprint('moved')];
    await makeShards(path('b'), { '3.tar': 31 });
    others.push(await fingerprint('moved', 'b'));
    await rename(path('b/3.tar'), path('b/4.tar'));
    others.push(await fingerprint('moved', 'b'));
    await makeShards(path('b'), { '4.tar': 30 });
    await copyFile(path('b/4.tar'), path('b/3.tar'));
    others.push(await fingerprint('moved', 'b'));
    expect(new Set([before, ...others]).size).toBe(1 + others.length);
  });

  it('refuses roots within each other, but not those whose names begin alike', async () => {
    await using folder = await temporaryFolder();
    const outer = await makeShards(join(folder.path, 'train'), { '1.tar': 1, 'inner/2.tar': 1 });
    const alike = await makeShards(join(folder.path, 'train-2'), { '3.tar': 1 });
    const refused = { code: 'ROOT_INVALID', message: expect.stringContaining('are or contain the same folder') as string };
    await expect(openDataset([outer, join(outer, 'inner')])).rejects.toMatchObject(refused);
    await expect(openDataset([alike, join(outer, 'inner'), outer])).rejects.toMatchObject(refused);
    await expect(openDataset([outer, alike])).resolves.toMatchObject({ shards: { length: 3 } });
  });
});

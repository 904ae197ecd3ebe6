import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findShards } from '../src/find-shards.ts';
import { temporaryFolder } from './support.ts';

describe('findShards', () => {
  it('finds the shards at any depth, sorted, and nothing else', async () => {
    await using folder = await temporaryFolder();
    for (const path of [
      'b/shard-2.tar',
      'b/shard-10.tar',
      'a.tar',
      'b/c/d.tar',
      'a.tar.idx',
      'x.tar.gz',
      'y.tgz',
      'b/z.tar.zst',
      'w.tar.xz',
      'notes.txt',
      '.hidden.tar',
      '.warpdrive/p.tar',
      'Z.tar',
    ]) {
      await mkdir(join(folder.path, path, '..'), { recursive: true });
      await writeFile(join(folder.path, path), '');
    }
    await mkdir(join(folder.path, 'folder.tar'));
    await symlink(join(folder.path, 'a.tar'), join(folder.path, 'link.tar'));
    await symlink(folder.path, join(folder.path, 'loop'));
    const found = await findShards(folder.path);
    expect(found.map((path) => relative(folder.path, path))).toEqual([
      'Z.tar',
      'a.tar',
      'b/c/d.tar',
      'b/shard-10.tar',
      'b/shard-2.tar',
      'b/z.tar.zst',
      'link.tar',
      'x.tar.gz',
      'y.tgz',
    ]);
  });

  it('says whether the folder is missing or has no shard', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    await expect(findShards(join(folder.path, 'none'))).rejects.toMatchObject({
      name: 'ShardsNotFoundError',
      code: 'WDS_NO_SHARDS',
      message: expect.stringMatching(/^there is no folder ".*none"/) as string,
    });
    await expect(findShards(join(folder.path, 'file'))).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
    await expect(findShards(folder.path)).rejects.toMatchObject({
      code: 'WDS_NO_SHARDS',
      message: expect.stringMatching(/^no shard \(\.tar, .*\) below/) as string,
    });
  });

  it('fails for a link that leads nowhere', async () => {
    await using folder = await temporaryFolder();
    await symlink('nowhere', join(folder.path, 'x.tar'));
    await expect(findShards(folder.path)).rejects.toMatchObject({ code: 'WDS_READ', cause: { code: 'ENOENT' } });
  });
});

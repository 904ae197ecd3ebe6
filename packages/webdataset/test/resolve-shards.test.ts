import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { glob } from '../src/glob.ts';
import { resolveShards } from '../src/resolve-shards.ts';
import { temporaryFolder } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const path of [
    'train/s-000.tar',
    'train/s-001.tar',
    'train/s-001.tar.idx',
    'train/s-010.tar.gz',
    'train/README.md',
    'train/.hidden.tar',
    'train/.cache/x.tar',
    'val/s-000.tar',
    'val/deep/er/s-001.tar.zst',
    'exp [1]/s-000.tar',
    'exp [1]/s-001.tar',
    'odd/[ab].tar',
    'odd/a.tar',
    'odd/{1,2}.tar',
    'odd/x::y.tar',
    'odd/back\\slash.tar',
  ]) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), '');
  }
  await symlink(join(folder.path, 'val'), join(folder.path, 'linked'));
});
afterAll(() => folder[Symbol.asyncDispose]());

/** What a specification below the folder resolves to, relative to it. */
async function resolve(spec: string): Promise<string[]> {
  const shards = await resolveShards(`${folder.path}/${spec}`);
  return shards.map((shard) => (typeof shard === 'string' ? relative(folder.path, shard) : shard.name));
}

describe('resolveShards', () => {
  it.each([
    ['train/s-{000..002}.tar', ['train/s-000.tar', 'train/s-001.tar', 'train/s-002.tar']],
    ['train/*.tar', ['train/s-000.tar', 'train/s-001.tar']],
    ['train/s-0?0.t*', ['train/s-000.tar', 'train/s-010.tar.gz']],
    ['train/s-00[0-9].tar', ['train/s-000.tar', 'train/s-001.tar']],
    ['train/s-00[!0].tar', ['train/s-001.tar']],
    ['train/s-*', ['train/s-000.tar', 'train/s-001.tar', 'train/s-010.tar.gz']],
    ['{val,train}/s-0*.tar', ['val/s-000.tar', 'train/s-000.tar', 'train/s-001.tar']],
    ['*/s-000.tar', ['exp [1]/s-000.tar', 'linked/s-000.tar', 'train/s-000.tar', 'val/s-000.tar']],
    ['val/**/*.tar*', ['val/deep/er/s-001.tar.zst', 'val/s-000.tar']],
    ['val/**', ['val/deep/er/s-001.tar.zst', 'val/s-000.tar']],
    ['train/.h*', ['train/.hidden.tar']],
    ['exp [1]/*.tar', ['exp [1]/s-000.tar', 'exp [1]/s-001.tar']],
    ['exp [1]', ['exp [1]/s-000.tar', 'exp [1]/s-001.tar']],
    ['train', ['train/s-000.tar', 'train/s-001.tar', 'train/s-010.tar.gz']],
    ['val/', ['val/deep/er/s-001.tar.zst', 'val/s-000.tar']],
    ['train/README.md', ['train/README.md']],
    ['none.tar', ['none.tar']],
  ])('resolves %s', async (spec, expected) => {
    expect(await resolve(spec)).toEqual(expected);
  });

  it.each(['odd/[ab].tar', 'odd/{1,2}.tar', 'odd/x::y.tar', 'odd/back\\slash.tar'])(
    'takes %s for the file that has this name',
    async (name) => {
      expect(await resolve(name)).toEqual([name]);
    },
  );

  it('takes lists of all kinds, in order, and keeps custom shards', async () => {
    const custom = { name: 'mine', open: () => Buffer.alloc(0) };
    const { path } = folder;
    expect(
      await resolveShards([`${path}/val::${path}/train/*0.tar`, custom, 'https://x.org/a-{0..1}.tar?x=*', 'http://[::1]:80/b.tar']),
    ).toEqual([
      `${path}/val/deep/er/s-001.tar.zst`,
      `${path}/val/s-000.tar`,
      `${path}/train/s-000.tar`,
      custom,
      'https://x.org/a-0.tar?x=*',
      'https://x.org/a-1.tar?x=*',
      'http://[::1]:80/b.tar',
    ]);
  });

  it('resolves relative paths and the current folder', async () => {
    const cwd = process.cwd();
    // Workers of the test runner are processes, which have their own.
    process.chdir(folder.path);
    try {
      expect(await resolveShards('train/*0.tar')).toEqual(['train/s-000.tar']);
      expect(await resolveShards('./train/../train/*0.tar')).toEqual(['train/s-000.tar']);
      expect(await resolveShards('t*/s-000.tar')).toEqual(['train/s-000.tar']);
      expect(await resolveShards('val')).toEqual(['val/deep/er/s-001.tar.zst', 'val/s-000.tar']);
    } finally {
      process.chdir(cwd);
    }
  });

  it.each([
    ['none/*.tar', /no file matches ".*none\/\*\.tar"; check the path/],
    ['{train,none}/*.tar', /no file matches ".*none\/\*\.tar"/],
    ['none', /there is no folder ".*none"/],
    ['odd/../train/.cache/y', /there is no folder/],
  ])('says that %s names nothing', async (spec, message) => {
    await expect(resolve(spec)).rejects.toMatchObject({ code: 'WDS_NO_SHARDS', message: expect.stringMatching(message) as string });
  });

  it('says that an empty list names nothing', async () => {
    for (const spec of ['', '::', []]) await expect(resolveShards(spec)).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
  });

  it.each([
    ['pipe:cat a.tar', /would run a command, which is never done/],
    ['pipe:curl -s https://x.org/{0..9}.tar', /would run a command/],
    ['s3://bucket/{0..9}.tar', /s3:\/\/ is not known.*custom shard/],
    ['a{b', /"\{" without a "\}"/],
  ])('refuses %s', async (spec, message) => {
    await expect(resolveShards(spec)).rejects.toMatchObject({ code: 'WDS_BAD_SPEC', message: expect.stringMatching(message) as string });
  });

  it('fails for a folder that cannot be listed, instead of missing its shards', async () => {
    // Root may list everything; a loop of links, nobody.
    await using other = await temporaryFolder();
    await symlink('loop', join(other.path, 'loop'));
    await expect(resolveShards(join(other.path, 'loop/*.tar'))).rejects.toMatchObject({
      code: 'WDS_READ',
      message: expect.stringContaining('ELOOP') as string,
    });
  });
});

describe('glob', () => {
  it('agrees with bash', async () => {
    const part = fc
      .array(fc.constantFrom('*', '?', '[a-c]', '[!s]', '[s0]', 's', '-', '0', '1', '.tar', '.', 'train', 'val', 'deep', 'er'), {
        minLength: 1,
        maxLength: 4,
      })
      .map((pieces) => pieces.join(''));
    const patterns = fc
      .sample(fc.array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 3 }), { numRuns: 400, seed: 7 })
      .map((parts) => parts.join('/'))
      .filter((pattern) => !/(^|\/)\.{1,2}(\/|$)/.test(pattern));
    // bash follows no links for `**` either, and `**` at the end means folders, too.
    const script = patterns.map((pattern) => `for f in ${pattern}; do [ -f "$f" ] && echo "$f"; done; echo ---`).join('\n');
    const output = execFileSync('bash', ['-O', 'globstar', '-O', 'nullglob'], { input: script, cwd: folder.path, env: { LC_ALL: 'C' } });
    const expected = output.toString().split('---\n').slice(0, -1);
    const cwd = process.cwd();
    process.chdir(folder.path);
    try {
      let matches = 0;
      for (const [index, pattern] of patterns.entries()) {
        const theirs = [...new Set(expected[index]!.split('\n').filter((line) => line !== ''))].sort();
        expect(await glob(pattern), pattern).toEqual(theirs);
        matches += theirs.length;
      }
      expect(matches).toBeGreaterThan(200);
    } finally {
      process.chdir(cwd);
    }
  });
});

import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileHasher } from '../../src/dataset/file-hasher.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-hasher-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('hashes files of any length, and goes on after one that cannot be read', async () => {
  await using hasher = new FileHasher();
  const contents = [0, 1, 512 * 1024, 512 * 1024 + 1, 3_000_000].map((length) => randomBytes(length));
  const paths = await Promise.all(
    contents.map(async (bytes, index) => {
      const path = join(folder, String(index));
      await writeFile(path, bytes);
      return path;
    }),
  );
  await expect(hasher.hash(join(folder, 'missing'))).rejects.toThrow('ENOENT');
  const hashes = await Promise.all(paths.map((path) => hasher.hash(path)));
  expect(hashes.map((md5) => md5.toString('hex'))).toEqual(contents.map((bytes) => hash('md5', bytes)));
});

it('hashes bytes that come piece by piece, of several at a time', async () => {
  await using hasher = new FileHasher();
  const contents = [0, 1, 70_000, 300_000].map((length) => randomBytes(length));
  const shared = contents.map((bytes) => Buffer.from(new SharedArrayBuffer(bytes.length)));
  shared.forEach((memory, index) => contents[index]!.copy(memory));
  const running = shared.map(() => hasher.begin());
  for (let offset = 0; offset < 300_000; offset += 65_536) {
    await Promise.all(shared.map((memory, index) => running[index]!.update(memory.subarray(offset, offset + 65_536))));
  }
  const digests = await Promise.all(running.map((hashing) => hashing.digest()));
  expect(digests.map((md5) => md5.toString('hex'))).toEqual(contents.map((bytes) => hash('md5', bytes)));
});

it('rejects what is under way when it is disposed, and what comes later', async () => {
  const hasher = new FileHasher();
  const path = join(folder, '0');
  const pending = expect(hasher.hash(path)).rejects.toThrow('closed');
  await hasher[Symbol.asyncDispose]();
  await pending;
  await expect(hasher.hash(path)).rejects.toThrow('closed');
});

import { zstdCompressSync } from 'node:zlib';
import { expect, it, vi } from 'vitest';
import { readTar } from '../src/tar/reader.ts';
import { collect } from './support.ts';

// As in Node 22.14 and 23.7.
vi.mock('node:zlib', async (importOriginal) => ({ ...(await importOriginal<object>()), createZstdDecompress: undefined }));

it('a Node without zstd says so, and which one has it', async () => {
  const bytes = zstdCompressSync(Buffer.alloc(2048));
  await expect(collect(readTar(bytes, { name: 'x.tar.zst' }))).rejects.toMatchObject({
    code: 'WDS_UNSUPPORTED',
    shard: 'x.tar.zst',
    offset: 0,
    message: expect.stringMatching(/compressed with zstd; Node v.* cannot read it: use Node 22\.18 or newer/) as string,
  });
});

import { createCipheriv } from 'node:crypto';

/** Bytes that look random and depend only on `seed`: the stream of a cipher, at a GB a second. */
export function bytesOf(seed: number, length: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Blobs whose bytes every process of a test can make by itself. */
export function blobContents(): { path: string; content: Buffer }[] {
  return Array.from({ length: 6 }, (_, index) => ({ path: `blob-${index}`, content: bytesOf(index, 400_000 * (index + 1) + index) }));
}

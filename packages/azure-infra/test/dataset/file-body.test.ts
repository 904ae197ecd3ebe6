import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileBody, LEAST_MEMORY } from '../../src/dataset/file-body.ts';

const CONTENT = randomBytes(5 * LEAST_MEMORY + 123);

let folder: string;
let file: FileHandle;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-body-'));
  await writeFile(join(folder, 'file'), CONTENT);
  file = await open(join(folder, 'file'));
});
afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

/** Takes pieces as a socket does: what it was given must stay as it is until it says that it is done with it. */
function slowWritable(highWaterMark: number): { writable: Writable; taken: () => Buffer } {
  const pieces: Buffer[] = [];
  const writable = new Writable({
    highWaterMark,
    write(piece: Buffer, _encoding, done) {
      setImmediate(() =>
        setImmediate(() => {
          pieces.push(Buffer.from(piece));
          done();
        }),
      );
    },
  });
  return { writable, taken: () => Buffer.concat(pieces) };
}

describe('FileBody', () => {
  it.each([1, 64 * 1024, 128 * 1024])(
    'gives every byte of a file that is larger than its memory, to a receiver with a mark of %d',
    async (mark) => {
      const faults: unknown[] = [];
      const body = new FileBody(file, CONTENT.length, Buffer.alloc(LEAST_MEMORY), (reason) => faults.push(reason));
      const { writable, taken } = slowWritable(mark);
      await pipeline(body.open(), writable);
      expect(taken().equals(CONTENT)).toBe(true);
      await body.close();
      expect(faults).toEqual([]);
    },
  );

  it('begins anew, and the body before gets nothing any more', async () => {
    const body = new FileBody(file, CONTENT.length, Buffer.alloc(LEAST_MEMORY), () => undefined);
    const first = body.open();
    await once(first, 'readable');
    const second = body.open();
    expect(first.destroyed).toBe(true);
    const { writable, taken } = slowWritable(1);
    await pipeline(second, writable);
    expect(taken().equals(CONTENT)).toBe(true);
    await body.close();
  });

  it('tells of a file that ends too early, instead of ending as if it was whole', async () => {
    const faults: unknown[] = [];
    const body = new FileBody(file, CONTENT.length + 1, Buffer.alloc(LEAST_MEMORY), (reason) => faults.push(reason));
    const stream = body.open();
    stream.resume();
    await once(stream, 'close');
    expect(stream.readableEnded).toBe(false);
    expect(faults).toEqual([expect.objectContaining({ name: 'FileUploadError' })]);
    await body.close();
  });
});

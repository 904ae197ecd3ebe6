/** The thread of `FileHasher`: answers each path with the MD5 of its file. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/** What the thread is asked. */
export interface HashQuestion {
  readonly id: number;
  readonly path: string;
}

/** What it answers. */
export type HashAnswer =
  { readonly id: number; readonly md5: Uint8Array; readonly size: number } | { readonly id: number; readonly error: Error };

/** Fits the second-level cache of a core, so that what was read is hashed from there. */
const buffer = Buffer.allocUnsafeSlow(512 * 1024);

parentPort?.on('message', ({ id, path }: HashQuestion) => parentPort?.postMessage(answer(id, path)));

function answer(id: number, path: string): HashAnswer {
  try {
    return { id, ...hashFile(path) };
  } catch (error) {
    return { id, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function hashFile(path: string): { md5: Uint8Array; size: number } {
  const hash = createHash('md5');
  const file = openSync(path, 'r');
  try {
    let size = 0;
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return { md5: hash.digest(), size };
      hash.update(buffer.subarray(0, length));
      size += length;
    }
  } finally {
    closeSync(file);
  }
}

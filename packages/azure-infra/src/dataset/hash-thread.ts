/** The thread of `FileHasher`: makes MD5s of files, and of bytes that come piece by piece in shared memory. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/** What the thread is asked. */
export type HashQuestion = { readonly id: number } & (
  | { readonly kind: 'file'; readonly path: string }
  /** The next bytes of a hash that is under way; the first ones begin it. */
  | { readonly kind: 'update'; readonly hash: number; readonly bytes: Uint8Array }
  /** The end of a hash. */
  | { readonly kind: 'digest'; readonly hash: number }
);

/** What it answers; `md5` is empty for an update. */
export type HashAnswer = { readonly id: number; readonly md5: Uint8Array } | { readonly id: number; readonly error: Error };

/** Fits the second-level cache of a core, so that what was read is hashed from there. */
const buffer = Buffer.allocUnsafeSlow(512 * 1024);

const underWay = new Map<number, Hash>();
const NOTHING = new Uint8Array(0);

parentPort?.on('message', (question: HashQuestion) => {
  parentPort?.postMessage(answer(question));
});

function answer(question: HashQuestion): HashAnswer {
  const { id } = question;
  try {
    return { id, md5: perform(question) };
  } catch (error) {
    return { id, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function perform(question: HashQuestion): Uint8Array {
  if (question.kind === 'file') return hashFile(question.path);
  const hash = underWay.get(question.hash) ?? createHash('md5');
  if (question.kind === 'digest') {
    underWay.delete(question.hash);
    return hash.digest();
  }
  underWay.set(question.hash, hash.update(question.bytes));
  return NOTHING;
}

function hashFile(path: string): Uint8Array {
  const hash = createHash('md5');
  const file = openSync(path, 'r');
  try {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) hash.update(buffer.subarray(0, length));
    return hash.digest();
  } finally {
    closeSync(file);
  }
}

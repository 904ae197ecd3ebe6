import { workerData } from 'node:worker_threads';
import { readVerified, type ThreadView } from '../../src/index.ts';

/** Words shared with the thread: a command, and what it has seen so far. */
export const STOP = 0;
export const SERVED = 1;
export const REFUSED = 2;
export const WRONG = 3;

/** What a reader thread is told. */
export interface ViewReaderSetup {
  readonly views: readonly { readonly view: ThreadView; readonly content: Uint8Array }[];
  readonly words: Int32Array<SharedArrayBuffer>;
}

/** Reads random ranges of the views without ever running the event loop, until told to stop, and compares every byte. */
function readUntilStopped({ views, words }: ViewReaderSetup): void {
  const target = Buffer.alloc(400_000);
  while (Atomics.load(words, STOP) === 0) {
    const entry = views[Math.floor(Math.random() * views.length)];
    if (entry === undefined) break;
    const offset = Math.floor(Math.random() * entry.content.length);
    const length = Math.floor(Math.random() * target.length);
    const count = readVerified(entry.view, offset, length, target);
    const expected = entry.content.subarray(offset, offset + length);
    if (count < 0) Atomics.add(words, REFUSED, 1);
    else if (count === expected.length && Buffer.compare(target.subarray(0, count), expected) === 0) Atomics.add(words, SERVED, 1);
    else Atomics.add(words, WRONG, 1);
  }
}

if (workerData !== null) readUntilStopped(workerData as ViewReaderSetup);

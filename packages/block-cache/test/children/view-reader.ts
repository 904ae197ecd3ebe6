import { parentPort, workerData } from 'node:worker_threads';
import { readVerified, type ThreadView } from '../../src/index.ts';

/** What a reader thread is told, and what it tells. */
export interface ViewReaderSetup {
  readonly views: readonly { readonly view: ThreadView; readonly content: Uint8Array }[];
  readonly stop: SharedArrayBuffer;
}

/** What a reader thread has seen. */
export interface ViewReaderResult {
  readonly served: number;
  readonly refused: number;
  readonly wrong: number;
}

// Reads random ranges of the views without ever running its event loop, until told to stop, and compares every byte.
const { views, stop } = workerData as ViewReaderSetup;
const stopWord = new Int32Array(stop);
const target = Buffer.alloc(400_000);
let served = 0;
let refused = 0;
let wrong = 0;
while (Atomics.load(stopWord, 0) === 0) {
  const entry = views[Math.floor(Math.random() * views.length)];
  if (entry === undefined) break;
  const offset = Math.floor(Math.random() * entry.content.length);
  const length = Math.floor(Math.random() * target.length);
  const count = readVerified(entry.view, offset, length, target);
  if (count < 0) {
    refused++;
    continue;
  }
  served++;
  const expected = entry.content.subarray(offset, offset + length);
  if (count !== expected.length || Buffer.compare(target.subarray(0, count), expected) !== 0) wrong++;
}
const result: ViewReaderResult = { served, refused, wrong };
parentPort?.postMessage(result);

import { readSync } from 'node:fs';

import { allVerified, generationSum, takePrefetched, touchBlocks } from './chunk-map.ts';
import { addShared, COUNTER_INDEX } from './counters.ts';
import { CHUNK_BYTES } from './geometry.ts';

/**
 * All that a worker thread needs to serve cached bytes of one handle by itself. Plain data: send it with `postMessage`. Valid until
 * the handle is disposed; after that the descriptor may belong to another file.
 */
export interface ThreadView {
  /** Descriptor of the cache file (shared by all threads of the process). */
  readonly fd: number;
  /** Size of the blob in bytes. */
  readonly size: number;
  readonly blockSize: number;
  readonly chunksPerBlock: number;
  readonly wordsPerBlock: number;
  /** Presence, verification, generation and last use of every block; shared by all handles of the version. */
  readonly state: SharedArrayBuffer;
  /** Position of this handle: {@link CURSOR_TRIGGER} and {@link CURSOR_REACHED}. */
  readonly cursor: SharedArrayBuffer;
  /** The counters of the cache. */
  readonly counters: SharedArrayBuffer;
}

/** Cursor word: reads that touch this chunk go to the main thread, so that read-ahead moves on. -1: none. */
export const CURSOR_TRIGGER = 0;
/** Cursor word: the chunk that the last read served by a thread ended in. */
export const CURSOR_REACHED = 1;

interface Words {
  readonly state: Int32Array;
  readonly cursor: Int32Array;
  readonly counters: Int32Array;
}

/** Typed arrays over the shared memory of each view, made once per thread: making them costs more than the look-up of a read. */
const wordsOf = new WeakMap<ThreadView, Words>();

function wordsFor(view: ThreadView): Words {
  let words = wordsOf.get(view);
  if (words === undefined) {
    words = { state: new Int32Array(view.state), cursor: new Int32Array(view.cursor), counters: new Int32Array(view.counters) };
    wordsOf.set(view, words);
  }
  return words;
}

/**
 * Reads `length` bytes at `offset` into the start of `target`, synchronously and without the main thread.
 *
 * @returns the bytes read (fewer than `length` only at the end of the blob, 0 beyond it), or -1 when the read has to go to
 *   `CachedFile.read`: a chunk is absent or not yet verified, an eviction raced, the disk failed, or read-ahead wants to move on.
 */
export function readVerified(view: ThreadView, offset: number, length: number, target: Uint8Array): number {
  const end = Math.min(offset + length, view.size);
  if (end <= offset) return 0;
  const words = wordsFor(view);
  const firstChunk = Math.floor(offset / CHUNK_BYTES);
  const lastChunk = Math.floor((end - 1) / CHUNK_BYTES);
  const trigger = Atomics.load(words.cursor, CURSOR_TRIGGER);
  if (trigger >= firstChunk && trigger <= lastChunk) return -1;
  const firstBlock = Math.floor(offset / view.blockSize);
  const lastBlock = Math.floor((end - 1) / view.blockSize);
  const generations = generationSum(words.state, view, firstBlock, lastBlock);
  if (!allVerified(words.state, view, firstChunk, lastChunk)) return -1;
  let read: number;
  try {
    read = readSync(view.fd, target, 0, end - offset, offset);
  } catch {
    return -1; // The main thread meets the same fault and handles it: counted, and served from the network.
  }
  if (read !== end - offset || generationSum(words.state, view, firstBlock, lastBlock) !== generations) return -1;
  touchBlocks(words.state, view, firstBlock, lastBlock, Date.now() / 1000);
  const prefetched = takePrefetched(words.state, view, firstChunk, lastChunk);
  if (prefetched > 0) addShared(words.counters, COUNTER_INDEX.readaheadHits, prefetched);
  addShared(words.counters, COUNTER_INDEX.hits, lastChunk - firstChunk + 1);
  addShared(words.counters, COUNTER_INDEX.servedDiskBytes, read);
  Atomics.store(words.cursor, CURSOR_REACHED, lastChunk);
  return read;
}

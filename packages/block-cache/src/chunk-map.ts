import { CHUNK_BYTES, type Geometry } from './geometry.ts';

/*
 * State of one version that the main thread and reader threads share: 32-bit words, one group per block.
 *
 *   generation | last use (Unix seconds) | present mask | verified mask | prefetched mask      (each mask: wordsPerBlock words)
 *
 * Only the main thread sets or clears `present` and `verified`; threads read them, store the last use, and clear `prefetched`.
 * The rule that makes a read without a lock safe: eviction clears the masks, then raises the generation, and only then frees the
 * bytes. A reader loads the generations, sees the bits, reads the bytes, and loads the generations again: unchanged means that the
 * bytes were not freed before it had them.
 */

const GENERATION = 0;
const LAST_USE = 1;
const MASKS = 2;

/** Where the masks of a block lie, and how reader threads look at them. */
export interface MapLayout {
  readonly chunksPerBlock: number;
  readonly wordsPerBlock: number;
}

/** Words per block. */
function strideOf(layout: MapLayout): number {
  return MASKS + 3 * layout.wordsPerBlock;
}

/** Sum of the generations of the blocks `first` to `last`; as generations only grow, an equal sum means that none has changed. */
export function generationSum(words: Int32Array, layout: MapLayout, first: number, last: number): number {
  const stride = strideOf(layout);
  let sum = 0;
  for (let block = first; block <= last; block++) {
    sum = (sum + Atomics.load(words, block * stride + GENERATION)) | 0;
  }
  return sum;
}

/** Whether each chunk from `first` to `last` is on disk and verified. */
export function allVerified(words: Int32Array, layout: MapLayout, first: number, last: number): boolean {
  const stride = strideOf(layout);
  const offset = MASKS + layout.wordsPerBlock;
  for (let chunk = first; chunk <= last; chunk++) {
    const block = Math.floor(chunk / layout.chunksPerBlock);
    const bit = chunk - block * layout.chunksPerBlock;
    if ((Atomics.load(words, block * stride + offset + (bit >>> 5)) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

/** Notes that the blocks `first` to `last` were used at `seconds` (Unix time). */
export function touchBlocks(words: Int32Array, layout: MapLayout, first: number, last: number, seconds: number): void {
  const stride = strideOf(layout);
  for (let block = first; block <= last; block++) {
    const index = block * stride + LAST_USE;
    if (Atomics.load(words, index) !== (seconds | 0)) Atomics.store(words, index, seconds | 0);
  }
}

/** Clears the prefetched bits of the chunks `first` to `last` and says how many were set: chunks that read-ahead brought before their first reader. */
export function takePrefetched(words: Int32Array, layout: MapLayout, first: number, last: number): number {
  const stride = strideOf(layout);
  const offset = MASKS + 2 * layout.wordsPerBlock;
  let taken = 0;
  for (let chunk = first; chunk <= last; chunk++) {
    const block = Math.floor(chunk / layout.chunksPerBlock);
    const bit = chunk - block * layout.chunksPerBlock;
    const index = block * stride + offset + (bit >>> 5);
    const mask = 1 << (bit & 31);
    if ((Atomics.load(words, index) & mask) !== 0 && (Atomics.and(words, index, ~mask) & mask) !== 0) taken++;
  }
  return taken;
}

/** Which chunks of one version are on disk, which of those are verified since the start, and when each block was last used. */
export class ChunkMap {
  readonly geometry: Geometry;
  /** The shared words; a reader thread gets them through its view. */
  readonly state: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #stride: number;
  #present = 0;
  #verified = 0;
  #presentBytes = 0;
  #verifiedBytes = 0;

  constructor(geometry: Geometry, lastUseSeconds: number) {
    this.geometry = geometry;
    this.#stride = strideOf(geometry);
    this.state = new SharedArrayBuffer(geometry.blocks * this.#stride * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.state);
    if (geometry.blocks > 0) touchBlocks(this.#words, geometry, 0, geometry.blocks - 1, lastUseSeconds);
  }

  /** Number of chunks on disk. */
  get presentChunks(): number {
    return this.#present;
  }

  /** Whether every chunk is on disk; true for an empty blob. */
  get complete(): boolean {
    return this.#present === this.geometry.chunks;
  }

  /** Whether no chunk on disk waits for its first verification. */
  get allPresentVerified(): boolean {
    return this.#verified === this.#present;
  }

  /** Bytes on disk that were not verified since the start. */
  get unverifiedBytes(): number {
    return this.#presentBytes - this.#verifiedBytes;
  }

  /** Whether chunk `chunk` is on disk. */
  isPresent(chunk: number): boolean {
    return this.#has(chunk, 0);
  }

  /** Whether chunk `chunk` is on disk and verified. */
  isVerified(chunk: number): boolean {
    return this.#has(chunk, 1);
  }

  /** Whether each chunk from `first` to `last` is on disk and verified. */
  allVerified(first: number, last: number): boolean {
    return allVerified(this.#words, this.geometry, first, last);
  }

  /** Notes that a record on disk names this chunk. */
  markPresent(chunk: number): void {
    if (this.#set(chunk, 0)) {
      this.#present++;
      this.#presentBytes += this.#length(chunk);
    }
  }

  /** Notes that the bytes of a present chunk are right. */
  markVerified(chunk: number): void {
    if (this.#set(chunk, 1)) {
      this.#verified++;
      this.#verifiedBytes += this.#length(chunk);
    }
  }

  /** Notes that read-ahead brought this chunk and nobody has read it yet. */
  markPrefetched(chunk: number): void {
    this.#set(chunk, 2);
  }

  /** Forgets a chunk. */
  clearChunk(chunk: number): void {
    this.#clear(chunk);
    this.#raiseGeneration(this.geometry.blockOf(chunk));
  }

  /** Forgets all chunks of a block, ahead of freeing its bytes. Returns how many of them were prefetched and never read. */
  clearBlock(block: number): number {
    const end = this.geometry.endChunk(block);
    const wasted = takePrefetched(this.#words, this.geometry, this.geometry.firstChunk(block), end - 1);
    for (let chunk = this.geometry.firstChunk(block); chunk < end; chunk++) this.#clear(chunk);
    this.#raiseGeneration(block);
    return wasted;
  }

  /** Present chunks of a block. */
  presentIn(block: number): number {
    let count = 0;
    const from = block * this.#stride + MASKS;
    for (let index = from; index < from + this.geometry.wordsPerBlock; index++) count += bitCount(Atomics.load(this.#words, index));
    return count;
  }

  /** Sum of generations over the blocks of the chunks `first` to `last`. */
  generations(first: number, last: number): number {
    return generationSum(this.#words, this.geometry, this.geometry.blockOf(first), this.geometry.blockOf(last));
  }

  /** Last use of a block, Unix seconds. */
  lastUse(block: number): number {
    return Atomics.load(this.#words, block * this.#stride + LAST_USE) >>> 0;
  }

  /** Latest use of any block, Unix seconds; 0 for an empty blob. */
  latestUse(): number {
    let latest = 0;
    for (let block = 0; block < this.geometry.blocks; block++) latest = Math.max(latest, this.lastUse(block));
    return latest;
  }

  /** Notes a use of the blocks of the chunks `first` to `last`. */
  touch(first: number, last: number, seconds: number): void {
    touchBlocks(this.#words, this.geometry, this.geometry.blockOf(first), this.geometry.blockOf(last), seconds);
  }

  /** Clears prefetched bits of the chunks `first` to `last`; returns how many were set. */
  takePrefetched(first: number, last: number): number {
    return takePrefetched(this.#words, this.geometry, first, last);
  }

  #length(chunk: number): number {
    return this.geometry.chunkEnd(chunk) - chunk * CHUNK_BYTES;
  }

  #index(chunk: number, mask: number): number {
    const { chunksPerBlock, wordsPerBlock } = this.geometry;
    const block = Math.floor(chunk / chunksPerBlock);
    return block * this.#stride + MASKS + mask * wordsPerBlock + ((chunk - block * chunksPerBlock) >>> 5);
  }

  /** The chunk's bit in its word. A block holds a power of two of chunks, so the low bits of the chunk number are those of the bit. */
  #bit(chunk: number): number {
    return 1 << ((chunk % this.geometry.chunksPerBlock) & 31);
  }

  #has(chunk: number, mask: number): boolean {
    return (Atomics.load(this.#words, this.#index(chunk, mask)) & this.#bit(chunk)) !== 0;
  }

  #set(chunk: number, mask: number): boolean {
    const bit = this.#bit(chunk);
    return (Atomics.or(this.#words, this.#index(chunk, mask), bit) & bit) === 0;
  }

  #clear(chunk: number): void {
    const bit = this.#bit(chunk);
    if ((Atomics.and(this.#words, this.#index(chunk, 1), ~bit) & bit) !== 0) {
      this.#verified--;
      this.#verifiedBytes -= this.#length(chunk);
    }
    if ((Atomics.and(this.#words, this.#index(chunk, 0), ~bit) & bit) !== 0) {
      this.#present--;
      this.#presentBytes -= this.#length(chunk);
    }
  }

  #raiseGeneration(block: number): void {
    Atomics.add(this.#words, block * this.#stride + GENERATION, 1);
  }
}

/** Number of set bits (Hacker's Delight, figure 5-2). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Unit of presence, of checksums and of a cold random fetch, in bytes. 128 KiB is what the kernel asks for in one read-ahead of a
 * fresh mount, and costs a range request hardly more time than 4 KiB.
 */
export const CHUNK_BYTES = 128 * 1024;

/** Smallest block: one chunk. */
export const MIN_BLOCK_BYTES = CHUNK_BYTES;

/** Largest block. Beyond it one eviction would throw away more than a minute of a slow reader's work. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

/** Chunks per mask word. */
const WORD_BITS = 32;

/** Whether `bytes` can be a block size: a power of two from 128 KiB to 64 MiB. */
export function isBlockSize(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= MIN_BLOCK_BYTES && bytes <= MAX_BLOCK_BYTES && (bytes & (bytes - 1)) === 0;
}

/**
 * How a blob of `size` bytes is cut: into blocks (unit of eviction and prefetch) and those into chunks (unit of presence). All
 * offsets are bytes from the start of the blob; chunks and blocks are counted from 0; ranges are half open.
 */
export class Geometry {
  readonly size: number;
  readonly blockSize: number;
  readonly chunks: number;
  readonly blocks: number;
  readonly chunksPerBlock: number;
  /** 32-bit mask words that one bit per chunk of a block needs. */
  readonly wordsPerBlock: number;

  constructor(size: number, blockSize: number) {
    this.size = size;
    this.blockSize = blockSize;
    this.chunks = Math.ceil(size / CHUNK_BYTES);
    this.blocks = Math.ceil(size / blockSize);
    this.chunksPerBlock = blockSize / CHUNK_BYTES;
    this.wordsPerBlock = Math.ceil(this.chunksPerBlock / WORD_BITS);
  }

  /** The chunk that holds the byte at `offset`. */
  chunkAt(offset: number): number {
    return Math.floor(offset / CHUNK_BYTES);
  }

  /** The chunk after the last one that the range up to `end` touches. */
  chunkAfter(end: number): number {
    return Math.ceil(end / CHUNK_BYTES);
  }

  /** First byte after chunk `chunk`; the last chunk ends where the blob ends. */
  chunkEnd(chunk: number): number {
    return Math.min((chunk + 1) * CHUNK_BYTES, this.size);
  }

  /** The block that holds chunk `chunk`. */
  blockOf(chunk: number): number {
    return Math.floor(chunk / this.chunksPerBlock);
  }

  /** First chunk of block `block`. */
  firstChunk(block: number): number {
    return block * this.chunksPerBlock;
  }

  /** The chunk after the last one of block `block`. */
  endChunk(block: number): number {
    return Math.min((block + 1) * this.chunksPerBlock, this.chunks);
  }

  /** First byte after block `block`. */
  blockEnd(block: number): number {
    return Math.min((block + 1) * this.blockSize, this.size);
  }
}

/** The whole numbers from `first` up to (not including) `end`. */
export function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
}

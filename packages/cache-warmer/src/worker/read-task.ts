/** What a reader thread is to read, and what it answers. */

/** A file, or a range of it, under one of its paths. */
export interface FileToRead {
  readonly path: string;
  /** As the manifest has them; another size or time means that the file has changed. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Bytes `start` to `end` (exclusive) are read. */
  readonly start: number;
  readonly end: number;
}

/** Files to be read in this order. At most 65,535 of them. */
export interface ReadTask {
  readonly files: readonly FileToRead[];
}

/** How far a task has come: all files before `file`, and `offset` bytes of that one from its `start`. */
export interface ReadPosition {
  readonly file: number;
  readonly offset: number;
}

/** Why a file could not be read: a code of the system, or `CHANGED`, or `SHORT`. */
export interface ReadFault {
  readonly code: string;
  /** A sentence. */
  readonly reason: string;
}

/** How a task ended: with all files read, at the first fault, or at an abort. */
export interface ReadEnd extends ReadPosition {
  readonly fault?: ReadFault;
}

/** What a thread is started with. */
export interface ReaderSettings {
  readonly state: SharedArrayBuffer;
  /** Shared by all threads of the worker: how many of them read now. */
  readonly busy: SharedArrayBuffer;
  readonly readSize: number;
  /** Of the worker; undefined: no limit. */
  readonly bytesPerSecond: number | undefined;
}

/** Room for offsets of 256 TiB, far more than a range. File and offset share one word, so that they are always read together. */
const OFFSET_BITS = 48n;
const OFFSET_MASK = (1n << OFFSET_BITS) - 1n;

/** The memory that a thread and its owner share: where the thread is, and whether it is to stop. */
export class ReadState {
  static readonly BYTES = 16;
  readonly #position: BigUint64Array;
  readonly #stop: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#position = new BigUint64Array(memory, 0, 1);
    this.#stop = new Int32Array(memory, 8, 1);
  }

  get position(): ReadPosition {
    const word = Atomics.load(this.#position, 0);
    return { file: Number(word >> OFFSET_BITS), offset: Number(word & OFFSET_MASK) };
  }

  set position({ file, offset }: ReadPosition) {
    Atomics.store(this.#position, 0, (BigInt(file) << OFFSET_BITS) | BigInt(offset));
  }

  get isStopped(): boolean {
    return Atomics.load(this.#stop, 0) !== 0;
  }

  set isStopped(isStopped: boolean) {
    Atomics.store(this.#stop, 0, isStopped ? 1 : 0);
    if (isStopped) Atomics.notify(this.#stop, 0);
  }

  /** Blocks the thread for so long, or until it is to stop. */
  pause(ms: number): void {
    if (ms > 0) Atomics.wait(this.#stop, 0, 0, ms);
  }
}

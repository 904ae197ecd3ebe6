import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { changed } from './file-state.ts';

/**
 * Memory is used in turn in so many pieces, and a piece is overwritten when it has been sent. What is on its way is at most what `pipe`
 * lets through: two pieces in this stream, one each beyond the marks of the request and of the socket, which are 64 KiB each: less than a
 * piece of at least 128 KiB. So two pieces are to spare. (Should it ever be more, the MD5 of the request tells.)
 */
const PIECES = 8;

/** Bytes that {@link FileBody} needs at least. */
export const LEAST_MEMORY: number = PIECES * 128 * 1024;

/** The bytes of a file as request bodies, one after the other, through a fixed piece of memory. New memory for all of it costs as much as sending it. */
export class FileBody {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #memory: Buffer;
  readonly #onFault: (reason: unknown) => void;
  #turn = 0;
  #current: Readable | undefined;
  /** The last read: the memory belongs to one at a time. */
  #reading: Promise<unknown> = Promise.resolve();

  /**
   * @param memory of at least {@link LEAST_MEMORY}
   * @param onFault told why the bytes cannot be had, or that there are less than `size`; whoever sends them would wait for more
   */
  constructor(file: FileHandle, size: number, memory: Buffer, onFault: (reason: unknown) => void) {
    this.#file = file;
    this.#size = size;
    this.#memory = memory;
    this.#onFault = onFault;
  }

  /** Begins from the start; ends the body before. */
  open(): Readable {
    this.#current?.destroy();
    let position = 0;
    const next = async (): Promise<Buffer | null> => {
      if (position === this.#size) return null;
      const piece = this.#nextPiece();
      const { bytesRead } = await this.#file.read(piece, 0, Math.min(piece.length, this.#size - position), position);
      if (bytesRead === 0) throw changed();
      position += bytesRead;
      return piece.subarray(0, bytesRead);
    };
    const stream: Readable = new Readable({
      highWaterMark: this.#memory.length / PIECES,
      read: () => {
        this.#reading = this.#reading.then(async () => {
          if (stream.destroyed) return;
          try {
            stream.push(await next());
          } catch (error) {
            this.#onFault(error);
            stream.destroy();
          }
        });
      },
    });
    this.#current = stream;
    return stream;
  }

  /** Ends the last body, and waits until nothing is read any more. */
  async close(): Promise<void> {
    this.#current?.destroy();
    await this.#reading;
  }

  #nextPiece(): Buffer {
    const length = this.#memory.length / PIECES;
    this.#turn = (this.#turn + 1) % PIECES;
    return this.#memory.subarray(this.#turn * length, (this.#turn + 1) * length);
  }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { reasonOf, WebDatasetError } from './errors.ts';

/** A shard opened for blocking reads, as worker threads do them. */
export class ShardFile implements Disposable {
  readonly path: string;
  /** Length in bytes when it was opened. */
  readonly size: number;
  readonly #fd: number;

  /** @throws {@link WebDatasetError} `WDS_READ` */
  constructor(path: string) {
    this.path = path;
    this.#fd = this.#guarded('open', () => openSync(path, 'r'));
    try {
      this.size = this.#guarded('examine', () => fstatSync(this.#fd)).size;
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /**
   * Fills `target` from `position`, up to the end of the file, and returns the filled part.
   *
   * @throws {@link WebDatasetError} `WDS_READ`
   */
  read(target: Buffer, position: number): Buffer {
    let filled = 0;
    while (filled < target.length) {
      const count = this.#guarded('read', () => readSync(this.#fd, target, filled, target.length - filled, position + filled));
      if (count === 0) break;
      filled += count;
    }
    return target.subarray(0, filled);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #guarded<T>(verb: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw new WebDatasetError('WDS_READ', `cannot ${verb} the shard: ${reasonOf(error)}`, { shard: this.path, cause: error });
    }
  }
}

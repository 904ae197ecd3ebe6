import { close, constants, openSync } from 'node:fs';

/** A file that is opened when it is used and may be closed in between. */
export interface PooledFile {
  /** Path of the file. */
  readonly path: string;
  /**
   * Opens the file if need be and keeps it open until {@link PooledFile.unpin}.
   *
   * @returns its descriptor; the same number for all holders.
   */
  pin(): number;
  unpin(): void;
  /** Closes the descriptor as soon as nobody holds it, and never opens the file again: it was unlinked. */
  retire(): void;
}

/**
 * Bounds the descriptors of files that nobody is using just now: beyond `limit` the one idle for longest is closed. Pinned files don't
 * count, since their number is bounded by the readers.
 */
export class OpenFiles {
  readonly #limit: number;
  /** Open files that nobody holds, longest idle first. */
  readonly #idle = new Set<OpenFile>();
  readonly #closing = new Set<Promise<void>>();
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of open descriptors. */
  get open(): number {
    return this.#open;
  }

  /** A file for reading and writing, or only for reading. It must exist by the first use. */
  file(path: string, mode: 'read' | 'write'): PooledFile {
    return new OpenFile(path, mode, {
      opened: () => this.#open++,
      busy: (file) => this.#idle.delete(file),
      idle: (file) => {
        this.#idle.add(file);
        for (const oldest of this.#idle) {
          if (this.#idle.size <= this.#limit) break;
          oldest.shut();
        }
      },
      close: (file, fd) => {
        this.#idle.delete(file);
        this.#open--;
        // Closing an unlinked file frees its bytes, which takes the kernel a while: not on this thread.
        const closing = new Promise<void>((resolve) => close(fd, () => resolve()));
        this.#closing.add(closing);
        void closing.then(() => this.#closing.delete(closing));
      },
    });
  }

  /** Closes all idle files and waits until every close is done. */
  async closeIdle(): Promise<void> {
    for (const file of this.#idle) file.shut();
    await Promise.all(this.#closing);
  }
}

interface PoolHooks {
  opened(): void;
  busy(file: OpenFile): void;
  idle(file: OpenFile): void;
  close(file: OpenFile, fd: number): void;
}

class OpenFile implements PooledFile {
  readonly path: string;
  readonly #flags: number;
  readonly #hooks: PoolHooks;
  #fd: number | undefined;
  #pins = 0;
  #retired = false;

  constructor(path: string, mode: 'read' | 'write', hooks: PoolHooks) {
    this.path = path;
    this.#flags = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR;
    this.#hooks = hooks;
  }

  pin(): number {
    if (this.#fd === undefined) {
      if (this.#retired) throw new Error(`${this.path} was removed from the cache`);
      this.#fd = openSync(this.path, this.#flags);
      this.#hooks.opened();
    } else if (this.#pins === 0) {
      this.#hooks.busy(this);
    }
    this.#pins++;
    return this.#fd;
  }

  unpin(): void {
    this.#pins--;
    if (this.#pins > 0) return;
    if (this.#retired) this.shut();
    else this.#hooks.idle(this);
  }

  retire(): void {
    this.#retired = true;
    if (this.#pins === 0) this.shut();
  }

  shut(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    this.#hooks.close(this, fd);
  }
}

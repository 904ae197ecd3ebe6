import { type FileHandle, open } from 'node:fs/promises';
import { WebDatasetError } from '../errors.ts';
import { refusal } from '../source/file-bytes.ts';

/** The bytes of one archive, as {@link TarScanner} wants them: windows, front to back. */
export interface TarSource extends AsyncDisposable {
  /** Length in bytes; `Infinity` until a stream has ended. */
  readonly size: number;
  /** Bytes from `position` on, as many as suit the source, but {@link MIN_WINDOW_BYTES} unless the archive ends. Positions never go back. */
  window(position: number): Promise<Buffer>;
  /** Exactly `length` bytes from `position`, in a buffer of their own; the next window starts behind them. */
  read(position: number, length: number): Promise<Buffer>;
}

/** `WDS_TRUNCATED` for an archive that has fewer bytes than it had, or claimed. */
export function cutShort(shard: string, offset: number, reason: string): WebDatasetError {
  return new WebDatasetError('WDS_TRUNCATED', reason, { shard, offset });
}

/** An archive in memory: one window, no copies. */
export class MemorySource implements TarSource {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  window(position: number): Promise<Buffer> {
    return Promise.resolve(this.#bytes.subarray(position));
  }

  read(position: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.#bytes.subarray(position, position + length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing to close.
  }
}

/**
 * Bytes read at once. Large enough for nearly full speed from a page cache and a network file system (whose kernel reads ahead behind
 * it), small enough to stay in a processor's cache while it is scanned: 4 MiB were a tenth slower, 512 KiB a quarter.
 */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** Room in front of a window for what the one before it left over: as a rule the beginning of one member. */
const HEADROOM_BYTES = 256 * 1024;

/** A window that was handed out. */
interface FileWindow {
  /** Where it starts in the file. */
  readonly start: number;
  readonly bytes: Buffer;
  /** What the bytes lie in. */
  readonly memory: Buffer;
}

/** A window that is being read before it is asked for. */
interface WindowAhead {
  /** Where it starts in the file. */
  readonly start: number;
  /** Room of {@link HEADROOM_BYTES}, then the bytes. */
  readonly memory: Buffer;
  readonly done: Promise<Buffer>;
}

/**
 * An archive in a file. While one window is scanned the next one is read, by a thread of libuv's. The windows overlap in nothing: what one
 * leaves over is copied to the front of the next.
 */
export class FileSource implements TarSource {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  /** Memory to use again, of a source whose windows are not kept. */
  readonly #spare: Buffer[] | undefined;
  #window: FileWindow | undefined;
  #ahead: WindowAhead | undefined;

  private constructor(path: string, file: FileHandle, size: number, keepsWindows: boolean) {
    this.#path = path;
    this.#file = file;
    this.size = size;
    this.#spare = keepsWindows ? undefined : [];
  }

  /**
   * @param keepsWindows true when a window must stay valid after the next one was asked for
   * @throws {@link WebDatasetError} `WDS_READ`
   */
  static async open(path: string, keepsWindows: boolean): Promise<FileSource> {
    const file = await guarded(path, 'open', () => open(path, 'r'));
    try {
      const stats = await guarded(path, 'examine', () => file.stat());
      return new FileSource(path, file, stats.size, keepsWindows);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async window(position: number): Promise<Buffer> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const window = (await this.#continued(position, ahead)) ?? (await this.#fresh(position));
    if (this.#window !== undefined) this.#spare?.push(this.#window.memory);
    this.#window = window;
    this.#readAhead(window.start + window.bytes.length);
    return window.bytes;
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafeSlow(length), position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ahead?.done.catch(() => undefined);
    await this.#file.close();
  }

  /** What the last window left over, and the window that was read ahead; undefined if they don't make up what is asked for. */
  async #continued(position: number, ahead: WindowAhead | undefined): Promise<FileWindow | undefined> {
    if (ahead === undefined) return undefined;
    const bytes = await ahead.done;
    const last = this.#window;
    const left = ahead.start - position;
    if (last === undefined || left < 0 || left > HEADROOM_BYTES || position < last.start) {
      this.#spare?.push(ahead.memory);
      return undefined;
    }
    const first = HEADROOM_BYTES - left;
    last.bytes.copy(ahead.memory, first, position - last.start);
    return { start: position, bytes: ahead.memory.subarray(first, HEADROOM_BYTES + bytes.length), memory: ahead.memory };
  }

  async #fresh(position: number): Promise<FileWindow> {
    const memory = this.#memory(Math.max(0, Math.min(WINDOW_BYTES, this.size - position)));
    return { start: position, bytes: await this.#fill(memory, position), memory };
  }

  #readAhead(start: number): void {
    if (start >= this.size) return;
    const memory = this.#memory(HEADROOM_BYTES + Math.min(WINDOW_BYTES, this.size - start));
    const done = this.#fill(memory.subarray(HEADROOM_BYTES), start);
    // Thrown where it is waited for, which may be never.
    done.catch(() => undefined);
    this.#ahead = { start, memory, done };
  }

  #memory(length: number): Buffer {
    const spare = this.#spare?.pop();
    return spare !== undefined && spare.length >= length ? spare.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  }

  async #fill(target: Buffer, position: number): Promise<Buffer> {
    for (let filled = 0; filled < target.length;) {
      const { bytesRead } = await guarded(this.#path, 'read', () =>
        this.#file.read(target, filled, target.length - filled, position + filled),
      );
      if (bytesRead === 0) throw cutShort(this.#path, position + filled, 'the shard became shorter while it was read');
      filled += bytesRead;
    }
    return target;
  }
}

async function guarded<T>(path: string, verb: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw refusal(path, verb, error);
  }
}

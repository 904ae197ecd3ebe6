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

/** Windows read at the same time: with fewer a disk cache is the slower side of a scan, more are no faster. */
const MAX_WINDOWS_AHEAD = 2;

/** A window that is being read before it is asked for. */
interface WindowAhead {
  /** Where it starts in the file. */
  readonly start: number;
  /** Room of {@link HEADROOM_BYTES}, then the bytes. */
  readonly memory: Buffer;
  readonly done: Promise<Buffer>;
}

/**
 * An archive in a file. While one window is scanned the next ones are read, by threads of libuv's. The windows overlap in nothing: what one
 * leaves over is copied to the front of the next.
 */
export class FileSource implements TarSource {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  /** Memory to use again, of a source whose windows are not kept. */
  readonly #spare: Buffer[] | undefined;
  readonly #ahead: WindowAhead[] = [];
  #window: FileWindow | undefined;
  #handedOut = 0;

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
    const window = (await this.#continued(position)) ?? (await this.#fresh(position));
    if (this.#window !== undefined) this.#spare?.push(this.#window.memory);
    this.#window = window;
    this.#handedOut++;
    this.#readAhead(window.start + window.bytes.length);
    return window.bytes;
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafeSlow(length), position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forgetAhead();
    await this.#file.close();
  }

  /** What the last window left over, and the window that was read ahead; undefined if they don't make up what is asked for. */
  async #continued(position: number): Promise<FileWindow | undefined> {
    const [ahead] = this.#ahead;
    const last = this.#window;
    if (ahead === undefined || last === undefined) return undefined;
    const left = ahead.start - position;
    if (left < 0 || left > HEADROOM_BYTES || position < last.start) {
      await this.#forgetAhead();
      return undefined;
    }
    this.#ahead.shift();
    const bytes = await ahead.done;
    const first = HEADROOM_BYTES - left;
    last.bytes.copy(ahead.memory, first, position - last.start);
    return { start: position, bytes: ahead.memory.subarray(first, HEADROOM_BYTES + bytes.length), memory: ahead.memory };
  }

  async #fresh(position: number): Promise<FileWindow> {
    const memory = this.#memory(Math.max(0, Math.min(WINDOW_BYTES, this.size - position)));
    return { start: position, bytes: await this.#fill(memory, position), memory };
  }

  /** Reads on behind a window: not more at once than were handed out, as many readers want only the first samples. */
  #readAhead(end: number): void {
    const last = this.#ahead.at(-1);
    let start = last === undefined ? end : last.start + last.memory.length - HEADROOM_BYTES;
    while (this.#ahead.length < Math.min(this.#handedOut, MAX_WINDOWS_AHEAD) && start < this.size) {
      const length = Math.min(WINDOW_BYTES, this.size - start);
      const memory = this.#memory(HEADROOM_BYTES + length);
      const done = this.#fill(memory.subarray(HEADROOM_BYTES), start);
      // Thrown where it is waited for, which may be never.
      done.catch(() => undefined);
      this.#ahead.push({ start, memory, done });
      start += length;
    }
  }

  /** Waits for the reads under way, of which nothing is wanted any more. */
  async #forgetAhead(): Promise<void> {
    for (const { memory, done } of this.#ahead.splice(0)) {
      await done.catch(() => undefined);
      this.#spare?.push(memory);
    }
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

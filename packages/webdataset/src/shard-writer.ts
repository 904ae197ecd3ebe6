import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, WebDatasetError } from './errors.ts';
import { splitMemberName } from './sample.ts';
import { encodeMember, END_OF_ARCHIVE } from './tar/writer.ts';

/** What a field may be: bytes as they are, text as UTF-8, numbers as their digits. */
export type FieldValue = Uint8Array | string | number | bigint;

/** A sample to write: its key, and its fields by extension. */
export interface SampleToWrite {
  readonly __key__: string;
  readonly [field: string]: FieldValue;
}

/** How to write shards. */
export interface ShardWriterOptions {
  /** An existing folder. */
  readonly directory: string;
  /** File name with the shard's number: `%d`, or `%06d` with zeros. Default `shard-%06d.tar`. */
  readonly pattern?: string;
  /** Number of the first shard. Default 0. */
  readonly firstShard?: number;
  /** Samples in a shard at most. Default 100,000. */
  readonly maxCount?: number;
  /** Length of a shard at most, in bytes; only a sample that is larger by itself exceeds it. Default 1 GiB. */
  readonly maxSizeBytes?: number;
  /** Time of every member, in whole seconds since the epoch. Default 0: the same samples give the same bytes. */
  readonly mtime?: number;
  /** Wait until each shard, and its name, is on the disk before it counts as written. Default false. */
  readonly fsync?: boolean;
  /** Called for each shard when it is complete under its name; the writer waits for it. */
  readonly onShard?: (shard: WrittenShard) => Promise<void> | void;
}

/** A complete shard. */
export interface WrittenShard {
  readonly path: string;
  readonly samples: number;
  /** Length of the file. */
  readonly sizeBytes: number;
}

/** Bytes collected before they are written: large enough for few system calls, small against a shard. */
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A shard being written, under a temporary name. */
interface OpenShard {
  readonly path: string;
  readonly temporaryPath: string;
  readonly file: FileHandle;
  readonly keys: Set<string>;
  sizeBytes: number;
}

/**
 * Writes samples into numbered shards. A shard appears under its name when it is complete, replacing an older one; until then it
 * is a hidden `.tmp` file. Call {@link close} at the end: leaving an `await using` block without it (as an error does) removes the
 * shard that is not complete.
 *
 * Fields are written in the order of their names. What would not read back as it was written is refused with `WDS_BAD_SAMPLE`.
 */
export class ShardWriter implements AsyncDisposable {
  readonly #options: Required<ShardWriterOptions>;
  readonly #written: WrittenShard[] = [];
  /** Collects bytes, the caller's data copied: a caller may use its buffers again as soon as `write` has returned. */
  readonly #buffer = Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
  #buffered = 0;
  #shard: OpenShard | undefined;
  #number: number;
  #closed = false;
  #closing: Promise<readonly WrittenShard[]> | undefined;
  #busy = false;

  constructor(options: ShardWriterOptions) {
    this.#options = {
      pattern: 'shard-%06d.tar',
      firstShard: 0,
      maxCount: 100_000,
      maxSizeBytes: 1024 * 1024 * 1024,
      mtime: 0,
      fsync: false,
      onShard: () => undefined,
      ...options,
    };
    const { pattern, maxCount, maxSizeBytes } = this.#options;
    if (pattern.split(NUMBER_IN_PATTERN).length !== 3) throw new RangeError(`pattern must have one %d or %06d, got "${pattern}"`);
    if (!(maxCount >= 1)) throw new RangeError(`maxCount must be at least 1, got ${maxCount}`);
    if (!(maxSizeBytes >= 1)) throw new RangeError(`maxSizeBytes must be at least 1, got ${maxSizeBytes}`);
    this.#number = this.#options.firstShard;
  }

  /** Writes a sample; wait for it before the next one. Its buffers may be used again afterwards. */
  async write(sample: SampleToWrite): Promise<void> {
    if (this.#closed) throw new WebDatasetError('WDS_CLOSED', 'the shard writer is closed');
    if (this.#busy) throw new WebDatasetError('WDS_CLOSED', 'the shard writer is busy; wait for the last write');
    this.#busy = true;
    try {
      await this.#write(sample);
    } finally {
      this.#busy = false;
    }
  }

  /** Completes the last shard; returns all that were written. */
  close(): Promise<readonly WrittenShard[]> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Removes the shard that is not complete, if there is one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    // `return writer.close()` gets here before the shard is complete. Whether it fails is for the one who called it.
    await this.#closing?.catch(() => undefined);
    const shard = this.#shard;
    this.#shard = undefined;
    if (shard === undefined) return;
    await shard.file.close();
    await rm(shard.temporaryPath, { force: true });
  }

  async #close(): Promise<readonly WrittenShard[]> {
    this.#closed = true;
    if (this.#shard !== undefined) await this.#finish(this.#shard);
    return this.#written;
  }

  async #write(sample: SampleToWrite): Promise<void> {
    const pieces = this.#encode(sample);
    const sizeBytes = pieces.reduce((total, { length }) => total + length, 0);
    const { maxCount, maxSizeBytes } = this.#options;
    if (this.#shard !== undefined && (this.#shard.keys.size >= maxCount || this.#shard.sizeBytes + sizeBytes > maxSizeBytes)) {
      await this.#finish(this.#shard);
    }
    const shard = (this.#shard ??= await this.#open());
    if (shard.keys.has(sample.__key__)) {
      throw new WebDatasetError('WDS_BAD_SAMPLE', 'the key was written before; keys must be unique', {
        key: sample.__key__,
        shard: shard.path,
      });
    }
    shard.keys.add(sample.__key__);
    shard.sizeBytes += sizeBytes;
    for (const piece of pieces) await this.#append(shard, piece);
  }

  /** The pieces of a sample's members; throws when it would not read back. */
  #encode({ __key__: key, ...fields }: SampleToWrite): Uint8Array[] {
    const names = Object.keys(fields).sort();
    if (names.length === 0) throw new WebDatasetError('WDS_BAD_SAMPLE', 'the sample has no field', { key });
    return names.flatMap((field) => {
      const name = `${key}.${field}`;
      const readBack = splitMemberName(name);
      if (readBack?.key !== key || readBack.field !== field || UNPORTABLE.test(name)) {
        throw new WebDatasetError(
          'WDS_BAD_SAMPLE',
          `${JSON.stringify(name)} would not read back as field "${field}" of this key; ${RULES}`,
          { key },
        );
      }
      return encodeMember({ name, data: toBytes(fields[field]), mtime: this.#options.mtime });
    });
  }

  async #open(): Promise<OpenShard> {
    const { directory, pattern } = this.#options;
    const number = String(this.#number++);
    const name = pattern.replace(NUMBER_IN_PATTERN, (_, width: string) => number.padStart(Number(width), '0'));
    const path = join(directory, name);
    const temporaryPath = join(directory, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
    const file = await guarded(path, () => open(temporaryPath, 'wx'));
    return { path, temporaryPath, file, keys: new Set(), sizeBytes: END_OF_ARCHIVE.length };
  }

  async #append(shard: OpenShard, bytes: Uint8Array): Promise<void> {
    if (this.#buffered + bytes.length > this.#buffer.length) await this.#flush(shard);
    if (bytes.length > this.#buffer.length) {
      await guarded(shard.path, () => shard.file.writeFile(bytes));
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  async #flush({ path, file }: OpenShard): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    await guarded(path, () => file.writeFile(bytes));
  }

  async #finish(shard: OpenShard): Promise<void> {
    const { path, temporaryPath, file, keys, sizeBytes } = shard;
    await this.#append(shard, END_OF_ARCHIVE);
    await this.#flush(shard);
    await guarded(path, async () => {
      if (this.#options.fsync) await file.sync();
      await file.close();
      await rename(temporaryPath, path);
      if (this.#options.fsync) await syncFolder(this.#options.directory);
    });
    this.#shard = undefined;
    const written = { path, samples: keys.size, sizeBytes };
    this.#written.push(written);
    await this.#options.onShard(written);
  }
}

/** `%d` or `%06d`. */
const NUMBER_IN_PATTERN = /%0?(\d*)d/;

/** Names that some file system or tar refuses, or that leave the folder into which an archive is unpacked. */
const UNPORTABLE = /[\0\n\r]|^\/|\/\/|(^|\/)\.\.?\//;

const RULES =
  'a key is a relative path whose last part has no dot and is not hidden, and not below __meta__; a field is in lower case, without "/"';

function toBytes(value: FieldValue | undefined): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value));
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function guarded<T>(shard: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new WebDatasetError('WDS_WRITE', `cannot write the shard: ${reasonOf(error)}`, { shard, cause: error });
  }
}

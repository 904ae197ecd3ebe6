import { basename, join } from 'node:path';
import { encodeField, EncodeFault, type FieldValue } from './encode/field.ts';
import { WebDatasetError } from './errors.ts';
import { splitMemberName } from './sample.ts';
import { indexPathOf } from './shard-index/index-path.ts';
import { formatIndex, isIndexable } from './shard-index/index-text.ts';
import type { IndexedField, IndexedSample } from './shard-index/shard-index.ts';
import { compressionByName, ShardOutput } from './shard-output.ts';
import { blocks } from './tar/header.ts';
import { encodeMember, END_OF_ARCHIVE } from './tar/writer.ts';
import { removeAbandoned } from './temporary-files.ts';

/**
 * A sample to write: its key, and its fields by extension, in lower case. Other names between two underscores on each side, such as
 * the `__url__` of a sample that was read, are left out.
 */
export interface SampleToWrite {
  readonly __key__: string;
  readonly [field: string]: FieldValue;
}

/** How to write shards. */
export interface ShardWriterOptions {
  /** An existing folder. */
  readonly directory: string;
  /**
   * File name with the shard's number: `%d`, or `%06d` with zeros. Default `shard-%06d.tar`. A name that ends in `.tar.gz`, `.tgz` or
   * `.tar.zst` compresses the shards, which then have no index.
   */
  readonly pattern?: string;
  /** Number of the first shard. Default 0. */
  readonly firstShard?: number;
  /** Samples in a shard at most. Default 100,000. */
  readonly maxCount?: number;
  /** Length of a shard at most, in bytes before compression; only a sample that is larger by itself exceeds it. Default 1 GiB. */
  readonly maxSize?: number;
  /** Time of every member, in whole seconds since the epoch. Default 0: the same samples give the same bytes. */
  readonly mtime?: number;
  /**
   * Write an index (`.idx`, wds2idx v1.2) beside each shard. Default true. A shard with a blank in a member's name gets none, since
   * that format cannot hold it.
   */
  readonly index?: boolean;
  /** Wait until each shard, its index and their names are on the disk before it counts as written. Default false. */
  readonly fsync?: boolean;
  /** Called for each shard when it is complete under its name; the writer waits for it. */
  readonly onShard?: (shard: WrittenShard) => Promise<void> | void;
}

export type { FieldValue };

/** A complete shard. */
export interface WrittenShard {
  readonly path: string;
  /** Path of its index; undefined when it has none. */
  readonly indexPath: string | undefined;
  readonly samples: number;
  /** Length in bytes, before compression. */
  readonly size: number;
}

/** The shard that is not complete yet. */
interface OpenShard {
  readonly output: ShardOutput;
  readonly indexPath: string;
  /** What its index will tell; undefined when it gets none. */
  index: IndexedSample[] | undefined;
  readonly keys: Set<string>;
  size: number;
}

/** A member, ready to be written. */
interface EncodedField {
  readonly field: string;
  readonly name: string;
  readonly size: number;
  /** Headers, data and padding. */
  readonly pieces: readonly Uint8Array[];
}

/**
 * Writes samples into numbered shards. A shard appears under its name when it is complete, replacing an older one; until then it
 * is a hidden `.tmp` file, and what a killed process left of such files is removed when the next one writes there. Call {@link close}
 * at the end: leaving an `await using` block without it (as an error does) removes the shard that is not complete.
 *
 * Fields are written in the order of their names. What would not read back as it was written is refused with `WDS_BAD_SAMPLE`.
 */
export class ShardWriter implements AsyncDisposable {
  readonly #options: Required<ShardWriterOptions>;
  readonly #written: WrittenShard[] = [];
  readonly #buffer = ShardOutput.makeBuffer();
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
      maxSize: 1024 * 1024 * 1024,
      mtime: 0,
      index: true,
      fsync: false,
      onShard: () => undefined,
      ...options,
    };
    const { pattern, maxCount, maxSize } = this.#options;
    if (pattern.split(NUMBER_IN_PATTERN).length !== 3 || pattern !== basename(pattern)) {
      throw new RangeError(`pattern must be a file name with one %d or %06d, got "${pattern}"`);
    }
    if (!(maxCount >= 1)) throw new RangeError(`maxCount must be at least 1, got ${maxCount}`);
    if (!(maxSize >= 1)) throw new RangeError(`maxSize must be at least 1, got ${maxSize}`);
    this.#number = this.#options.firstShard;
  }

  /**
   * Writes a sample; wait for it before the next one. Its buffers may be used again afterwards.
   *
   * @throws {@link WebDatasetError} `WDS_BAD_SAMPLE`, after which the writer goes on without the sample; `WDS_WRITE`, `WDS_CLOSED`
   */
  write(sample: SampleToWrite): Promise<void> {
    return this.#exclusively(() => this.#write(sample));
  }

  /** Completes the shard in hand, so that the next sample begins another one, whatever the limits. */
  endShard(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#shard !== undefined) await this.#finish(this.#shard);
    });
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
    await shard?.output[Symbol.asyncDispose]();
  }

  /** Samples go one after the other into one buffer. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#closed || this.#closing !== undefined) throw new WebDatasetError('WDS_CLOSED', 'the shard writer is closed');
    if (this.#busy) throw new WebDatasetError('WDS_CLOSED', 'the shard writer is busy; wait for the last write');
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
    }
  }

  async #close(): Promise<readonly WrittenShard[]> {
    if (this.#busy) throw new WebDatasetError('WDS_CLOSED', 'the shard writer is busy; wait for the last write');
    if (this.#shard !== undefined) await this.#finish(this.#shard);
    this.#closed = true;
    return this.#written;
  }

  async #write(sample: SampleToWrite): Promise<void> {
    const fields = await this.#encode(sample);
    const { __key__: key } = sample;
    const size = fields.flatMap(({ pieces }) => pieces).reduce((total, { length }) => total + length, 0);
    const { maxCount, maxSize } = this.#options;
    if (this.#shard !== undefined && (this.#shard.keys.size >= maxCount || this.#shard.size + size > maxSize)) {
      await this.#finish(this.#shard);
    }
    const shard = (this.#shard ??= await this.#open());
    if (shard.keys.has(key)) {
      throw new WebDatasetError('WDS_BAD_SAMPLE', 'the key was written before; keys must be unique', { key, shard: shard.output.path });
    }
    shard.keys.add(key);
    if (!fields.every(({ name }) => isIndexable(name))) shard.index = undefined;
    shard.index?.push({ key, fields: placesOf(fields, shard.size - END_OF_ARCHIVE.length) });
    shard.size += size;
    for (const { pieces } of fields) for (const piece of pieces) await shard.output.append(piece);
  }

  /** The members of a sample; throws when it would not read back. */
  async #encode({ __key__: key, ...values }: SampleToWrite): Promise<EncodedField[]> {
    const fields: EncodedField[] = [];
    for (const field of Object.keys(values).sort()) {
      if (META_FIELD.test(field)) continue;
      const name = `${key}.${field}`;
      const readBack = splitMemberName(name);
      if (readBack?.key !== key || readBack.field !== field || UNPORTABLE.test(name)) {
        throw new WebDatasetError(
          'WDS_BAD_SAMPLE',
          `${JSON.stringify(name)} would not read back as field "${field}" of this key; ${RULES}`,
          { key },
        );
      }
      const data = await encoded(key, field, values[field]);
      fields.push({ field, name, size: data.length, pieces: encodeMember({ name, data, mtime: this.#options.mtime }) });
    }
    if (fields.length === 0) throw new WebDatasetError('WDS_BAD_SAMPLE', 'the sample has no field', { key });
    return fields;
  }

  async #open(): Promise<OpenShard> {
    const { directory, pattern, index, fsync, firstShard } = this.#options;
    if (this.#number === firstShard) await removeAbandoned(directory, isNameOf(pattern));
    const number = String(this.#number++);
    const name = pattern.replace(NUMBER_IN_PATTERN, (_, width: string) => number.padStart(Number(width), '0'));
    const path = join(directory, name);
    const indexPath = indexPathOf(path);
    const output = await ShardOutput.open(path, indexPath, { fsync, buffer: this.#buffer });
    const isIndexed = index && compressionByName(name) === undefined;
    return { output, indexPath, index: isIndexed ? [] : undefined, keys: new Set(), size: END_OF_ARCHIVE.length };
  }

  async #finish({ output, indexPath, index: samples, keys, size }: OpenShard): Promise<void> {
    await output.append(END_OF_ARCHIVE);
    await output.commit(samples && formatIndex({ samples }));
    this.#shard = undefined;
    const written = { path: output.path, indexPath: samples && indexPath, samples: keys.size, size };
    this.#written.push(written);
    await this.#options.onShard(written);
  }
}

/** `%d` or `%06d`. */
const NUMBER_IN_PATTERN = /%0?(\d*)d/;

/** Names that some file system or tar refuses, or that leave the folder into which an archive is unpacked. */
const UNPORTABLE = /[\0\n\r]|^\/|\/\/|(^|\/)\.\.?\//;

/** What readers add to a sample, beside its fields. */
const META_FIELD = /^__.*__$/;

const RULES =
  'a key is a relative path whose last part has no dot and is not hidden, and not below __meta__; a field is in lower case, without "/"';

/** Tells whether a file name is one of a pattern's shards, or the index of one. */
export function isNameOf(pattern: string): (name: string) => boolean {
  const [before = '', , after = ''] = pattern.split(NUMBER_IN_PATTERN);
  const index = indexPathOf(`x${after}`).slice(1);
  return (name) =>
    name.startsWith(before) &&
    [after, index].some((end) => name.endsWith(end) && /^\d+$/.test(name.slice(before.length, name.length - end.length)));
}

async function encoded(key: string, field: string, value: FieldValue | undefined): Promise<Uint8Array> {
  try {
    return await encodeField(field, value);
  } catch (error) {
    if (!(error instanceof EncodeFault)) throw error;
    throw new WebDatasetError('WDS_BAD_SAMPLE', error.message, { key, cause: error });
  }
}

/** Where the data of members will lie that are written at `position`. */
function placesOf(fields: readonly EncodedField[], position: number): Map<string, IndexedField> {
  const places = new Map<string, IndexedField>();
  let end = position;
  for (const { field, name, size, pieces } of fields) {
    end += pieces.reduce((total, { length }) => total + length, 0);
    places.set(field, { offset: end - blocks(size), size, name });
  }
  return places;
}

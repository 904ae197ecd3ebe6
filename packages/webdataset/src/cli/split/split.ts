import { join } from 'node:path';
import { ShardWriter, type WrittenShard } from '../../shard-writer.ts';
import { CommandError } from '../failure.ts';
import { startProgress } from '../progress.ts';
import { ShardFolder } from '../shard-folder.ts';
import { listSamples, samplesWithDataOf, totalBytesOf } from '../shards.ts';
import { toJson, WrittenCount, type WrittenJson } from '../written.ts';
import { type Part, partOf } from './parts.ts';

/** What to write. */
export interface SplitOptions {
  readonly out: string;
  readonly pattern: string;
  readonly maxCount: number;
  readonly maxSize: number;
  /** Number of shards of each part, instead of the two limits. */
  readonly into: number | undefined;
  /** Undefined writes all samples into `out` itself. */
  readonly parts: readonly Part[] | undefined;
  readonly seed: number;
  readonly index: boolean;
  readonly force: boolean;
}

/** What was written of one part. */
export interface WrittenPart extends WrittenJson {
  readonly part: string | null;
  readonly directory: string;
}

/** Writes the samples of shards into new shards. */
export async function split(shards: readonly string[], options: SplitOptions, signal: AbortSignal): Promise<WrittenPart[]> {
  const { parts, seed, out, into } = options;
  const placeOf = (key: string): number => (parts === undefined ? 0 : partOf(key, parts, seed));
  const names = parts?.map(({ name }) => name) ?? [null];
  const counts = into === undefined ? undefined : await countSamples(shards, placeOf, names.length, signal);
  for (const [index, count] of counts?.entries() ?? []) {
    if (into === undefined || count >= into) continue;
    const where = names[index] === null ? 'there are' : `part "${names[index] ?? ''}" has`;
    throw new CommandError('USAGE', `${where} only ${count} samples, which cannot fill ${into} shards; choose a smaller --into`);
  }

  const outputs: PartOutput[] = [];
  try {
    for (const [index, name] of names.entries()) {
      const directory = name === null ? out : join(out, name);
      outputs.push(new PartOutput(await ShardFolder.open(directory, options), directory, name, options, counts?.[index]));
    }
    await copySamples(shards, (key) => outputs[placeOf(key)], signal);
    for (const output of outputs) await output.close();
    signal.throwIfAborted();
    const written: WrittenPart[] = [];
    for (const output of outputs) written.push(await output.publish());
    return written;
  } finally {
    for (const output of outputs.reverse()) await output[Symbol.asyncDispose]();
  }
}

async function countSamples(
  shards: readonly string[],
  placeOf: (key: string) => number,
  places: number,
  signal: AbortSignal,
): Promise<number[]> {
  using progress = await startProgress('counting', 'shards');
  const counts = Array.from({ length: places }, () => 0);
  for (const [done, shard] of shards.entries()) {
    for await (const { key } of listSamples(shard, signal)) {
      const place = placeOf(plainKey(key));
      counts[place] = (counts[place] ?? 0) + 1;
    }
    progress.update({ done: done + 1, total: shards.length });
  }
  return counts;
}

async function copySamples(
  shards: readonly string[],
  outputOf: (key: string) => PartOutput | undefined,
  signal: AbortSignal,
): Promise<void> {
  using progress = await startProgress('splitting', 'shards');
  const totalBytes = await totalBytesOf(shards);
  let bytes = 0;
  for (const [done, shard] of shards.entries()) {
    let end = 0;
    for await (const { key, fields, fault } of samplesWithDataOf(shard, signal)) {
      if (fault !== undefined) throw fault;
      signal.throwIfAborted();
      const data = [...fields].map(([name, entry]) => [name, entry.data] as const);
      await outputOf(plainKey(key))?.write(plainKey(key), Object.fromEntries(data));
      for (const { member } of fields.values()) end = member.offset + member.size;
      progress.update({ done, total: shards.length, bytes: bytes + end, totalBytes });
    }
    bytes += end;
  }
}

/** `tar cf x.tar .` puts `./` before each name; that folder is no part of a key. */
function plainKey(key: string): string {
  return key.replace(/^(\.\/+)+/, '');
}

/** The shards of one part. */
class PartOutput implements AsyncDisposable {
  readonly #folder: ShardFolder;
  readonly #directory: string;
  readonly #part: string | null;
  readonly #writer: ShardWriter;
  /** Samples in each shard, where their number is fixed. */
  readonly #counts: readonly number[] | undefined;
  readonly #count = new WrittenCount();
  #written: readonly WrittenShard[] = [];
  #number = 0;
  #inShard = 0;

  /** @param samples how many will come, for a fixed number of shards */
  constructor(folder: ShardFolder, directory: string, part: string | null, options: SplitOptions, samples: number | undefined) {
    const { pattern, index, into } = options;
    this.#folder = folder;
    this.#directory = directory;
    this.#part = part;
    this.#counts = into === undefined || samples === undefined ? undefined : equalCounts(samples, into);
    const { maxCount, maxSize } = this.#counts === undefined ? options : { maxCount: Infinity, maxSize: Infinity };
    this.#writer = new ShardWriter({ directory: folder.staging, pattern, index, maxCount, maxSize });
  }

  async write(key: string, fields: Readonly<Record<string, Buffer>>): Promise<void> {
    await this.#writer.write({ ...fields, __key__: key });
    this.#count.add(Object.keys(fields), 0);
    this.#inShard += 1;
    if (this.#inShard !== this.#counts?.[this.#number]) return;
    await this.#writer.endShard();
    this.#number += 1;
    this.#inShard = 0;
  }

  async close(): Promise<void> {
    this.#written = await this.#writer.close();
  }

  async publish(): Promise<WrittenPart> {
    const shards = await this.#folder.publish(this.#written);
    return { part: this.#part, directory: this.#directory, ...toJson(this.#count, shards) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** `samples` cut into `shards` counts that differ by one at most. */
function equalCounts(samples: number, shards: number): number[] {
  return Array.from(
    { length: shards },
    (_, index) => Math.floor(((index + 1) * samples) / shards) - Math.floor((index * samples) / shards),
  );
}

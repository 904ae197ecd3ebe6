import { stat } from 'node:fs/promises';
import { WebDatasetError } from '../errors.ts';
import { resolveShards } from '../resolve-shards.ts';
import { type CompleteSample, SampleGrouper } from '../sample.ts';
import { findIndex } from '../shard-index/index-shards.ts';
import { isUrl } from '../source/shard-input.ts';
import { BLOCK_SIZE } from '../tar/header.ts';
import { readTar, scanTar, type TarEntry } from '../tar/reader.ts';
import type { TarMember } from '../tar/member.ts';
import { CommandError } from './failure.ts';
import type { CommandContext } from './run.ts';

/** The shards that specifications name, in order: paths and URLs. */
export async function shardsOf(specs: readonly string[]): Promise<string[]> {
  return (await resolveShards(specs)).filter((shard) => typeof shard === 'string');
}

/** A sample without its data. */
export interface ListedSample {
  readonly key: string;
  /** Length of each field, in bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** What keeps it from being read. */
  readonly fault: WebDatasetError | undefined;
}

/** The samples of a shard without their data, those at fault included: out of its index where it has one, by a pass over it otherwise. */
export async function* listSamples(shard: string, signal: AbortSignal): AsyncGenerator<ListedSample, void, undefined> {
  const index = await findIndex(shard, { signal });
  // An index in format v1.1 knows no keys.
  if (index?.samples.every(({ key }) => key !== undefined) === true) {
    for (const { key = '', fields, duplicates = [] } of index.samples) {
      const sizes = new Map([...fields].map(([field, { size }]) => [field, size]));
      const [duplicate] = duplicates;
      yield { key, sizes, fault: duplicate && duplicateFault(shard, key, duplicate.field, duplicate.offset) };
    }
    return;
  }
  const grouper = new SampleGrouper<{ readonly member: TarMember }>(shard);
  for await (const member of scanTar(shard, { signal })) {
    const sample = grouper.push({ member });
    if (sample !== undefined) yield asListed(sample);
  }
  const last = grouper.finish();
  if (last !== undefined) yield asListed(last);
}

function asListed({ key, fields, fault }: CompleteSample<{ readonly member: TarMember }>): ListedSample {
  return { key, sizes: new Map([...fields].map(([field, { member }]) => [field, member.size])), fault };
}

function duplicateFault(shard: string, key: string, field: string, offset: number): WebDatasetError {
  const reason = `the sample has two members with the extension "${field}"`;
  return new WebDatasetError('WDS_DUPLICATE_FIELD', reason, { shard, key, offset: offset - BLOCK_SIZE });
}

/** The samples of a shard with their data, those at fault included. */
export async function* samplesWithDataOf(shard: string, signal: AbortSignal): AsyncGenerator<CompleteSample<TarEntry>, void, undefined> {
  const grouper = new SampleGrouper<TarEntry>(shard);
  for await (const entry of readTar(shard, { signal })) {
    const sample = grouper.push(entry);
    if (sample !== undefined) yield sample;
  }
  const last = grouper.finish();
  if (last !== undefined) yield last;
}

/**
 * Works on one shard after the other, `jobs` at a time. A shard at fault does not keep the others from their turn; it is complained
 * about, and the command fails at the end. A single shard's fault is the command's own.
 */
export async function forEachShard(
  shards: readonly string[],
  { signal, complain }: Pick<CommandContext, 'signal' | 'complain'>,
  work: (shard: string, index: number) => Promise<void>,
  jobs = 1,
): Promise<void> {
  const queue = shards.entries();
  let failed = 0;
  let only: unknown;
  const worker = async (): Promise<void> => {
    for (const [index, shard] of queue) {
      signal.throwIfAborted();
      try {
        await work(shard, index);
      } catch (error) {
        signal.throwIfAborted();
        failed += 1;
        only = error;
        if (shards.length > 1) complain(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, shards.length) }, worker));
  if (failed === 0) return;
  if (shards.length === 1) throw only;
  throw new CommandError('INCOMPLETE', `${failed} of ${shards.length} shards failed; see the lines above`);
}

/** Bytes of all shards together; undefined when they are not all plain files. */
export async function totalBytesOf(shards: readonly string[]): Promise<number | undefined> {
  let total = 0;
  for (const shard of shards) {
    if (!shard.endsWith('.tar') || isUrl(shard)) return undefined;
    const size = (await stat(shard).catch(() => undefined))?.size;
    if (size === undefined) return undefined;
    total += size;
  }
  return total;
}

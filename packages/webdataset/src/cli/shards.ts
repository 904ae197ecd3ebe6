import { stat } from 'node:fs/promises';
import { resolveShards } from '../resolve-shards.ts';
import { type CompleteSample, SampleGrouper } from '../sample.ts';
import { isUrl } from '../source/shard-input.ts';
import { readTar, scanTar, type TarEntry } from '../tar/reader.ts';
import type { TarMember } from '../tar/member.ts';
import { CommandError } from './failure.ts';
import type { CommandContext } from './run.ts';

/** The shards that specifications name, in order: paths and URLs. */
export async function shardsOf(specs: readonly string[]): Promise<string[]> {
  return (await resolveShards(specs)).filter((shard) => typeof shard === 'string');
}

/** The samples of a shard without their data, those at fault included. */
export async function* samplesOf(
  shard: string,
  signal: AbortSignal,
): AsyncGenerator<CompleteSample<{ readonly member: TarMember }>, void, undefined> {
  const grouper = new SampleGrouper<{ readonly member: TarMember }>(shard);
  for await (const member of scanTar(shard, { signal })) {
    const sample = grouper.push({ member });
    if (sample !== undefined) yield sample;
  }
  const last = grouper.finish();
  if (last !== undefined) yield last;
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

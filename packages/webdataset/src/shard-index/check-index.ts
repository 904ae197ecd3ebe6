/**
 * Whether an index belongs to the bytes that it is found with. Three places tell: before the first and the last component must be headers
 * with their sizes and names, and behind the last one no further sample. This finds indexes of other versions of a shard, of one that
 * has grown or was cut, and those that `wds2idx` makes with GNU tar of archives with PAX headers, whose offsets are wrong.
 */
import { WebDatasetError } from '../errors.ts';
import { type SplitName, splitMemberName } from '../sample.ts';
import { BLOCK_SIZE, blocks, isUstarNumber } from '../tar/header.ts';
import type { TarMember } from '../tar/member.ts';
import { MIN_WINDOW_BYTES, TarScanner } from '../tar/scanner.ts';
import type { IndexedField, IndexedSample, ShardIndex } from './shard-index.ts';

/** What is needed of a shard. */
export interface CheckedShard {
  readonly size: number;
  read(position: number, length: number): Buffer | Promise<Buffer>;
}

/** Why the index is not that of the shard; undefined when it is. */
export async function findMismatch(
  { samples }: ShardIndex,
  shard: CheckedShard,
  splitName: SplitName = splitMemberName,
): Promise<string | undefined> {
  const first = firstComponent(samples[0]);
  const last = lastComponent(samples.at(-1));
  if (first === undefined || last === undefined) return findFurtherSample(0, shard, splitName);
  const end = last.offset + last.size;
  if (end > shard.size) return `it tells of ${end - shard.size} bytes more than there are`;
  for (const component of first === last ? [last] : [last, first]) {
    const mismatch = headerMismatch(component, await shard.read(component.offset - BLOCK_SIZE, BLOCK_SIZE), shard.size);
    if (mismatch !== undefined) return mismatch;
  }
  return findFurtherSample(last.offset + blocks(last.size), shard, splitName);
}

/**
 * Why the header right before a component's data is not its own; undefined when it may be.
 *
 * @param block the 512 bytes before the data, or more
 */
export function headerMismatch({ offset, size, name }: IndexedField, block: Buffer, shardSize: number): string | undefined {
  const member = memberAt(offset - BLOCK_SIZE, block, shardSize);
  if (member?.offset !== offset) return `there is no header at byte ${offset - BLOCK_SIZE}`;
  // Larger sizes, longer names and other letters stand in a PAX or GNU header before this one.
  if (isUstarNumber(size) && member.size !== size) return `at byte ${offset} are ${member.size} bytes of data, not ${size}`;
  if (name !== undefined && isPlainName(name) && member.name !== name) return `at byte ${offset} is "${member.name}", not "${name}"`;
  return undefined;
}

/** The member whose header is at `position`, where `bytes` start; undefined when there is none. */
function memberAt(position: number, bytes: Buffer, shardSize: number): TarMember | undefined {
  const scanner = new TarScanner('', shardSize);
  scanner.rewind(position);
  try {
    return scanner.scan(bytes).next().value?.member;
  } catch (error) {
    // RangeError: an extended header is there, whose end these bytes do not show.
    if (error instanceof WebDatasetError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** True for a name that every writer puts into the header itself. */
function isPlainName(name: string): boolean {
  return name.length < 100 && /^[\x21-\x7e]+$/.test(name);
}

/** Looks for samples from `position` on; most archives end right there. */
async function findFurtherSample(position: number, shard: CheckedShard, splitName: SplitName): Promise<string | undefined> {
  const next = await shard.read(position, BLOCK_SIZE);
  if (next.length < BLOCK_SIZE || next.every((byte) => byte === 0)) return undefined;
  const scanner = new TarScanner('', shard.size);
  scanner.rewind(position);
  try {
    while (!scanner.ended) {
      for (const { member } of scanner.scan(await shard.read(scanner.position, MIN_WINDOW_BYTES))) {
        if (member.type === 'file' && splitName(member.name) !== undefined) return `it does not tell of "${member.name}"`;
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof WebDatasetError && error.shard === '') return `behind its last sample is something else: ${error.reason}`;
    throw error;
  }
}

function firstComponent(sample: IndexedSample | undefined): IndexedField | undefined {
  return sample?.fields.values().next().value;
}

function lastComponent(sample: IndexedSample | undefined): IndexedField | undefined {
  const components = [...(sample?.fields.values() ?? []), ...(sample?.duplicates ?? [])];
  return components.sort((one, other) => one.offset - other.offset).at(-1);
}

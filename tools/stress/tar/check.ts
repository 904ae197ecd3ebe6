import { gzipSync, zstdCompressSync } from 'node:zlib';
import { groupSamples, readTar, scanTar, type TarInput, type TarMember, WebDatasetError } from '@warpforge/webdataset';
import type { Allocations } from './allocations.ts';
import type { Mutant } from './mutate.ts';
import type { Random } from './random.ts';

/** What became of an archive. */
export interface Outcome {
  readonly members: readonly { readonly member: TarMember; readonly data: Buffer }[];
  readonly error: WebDatasetError | undefined;
}

/** Something that must never be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** The shard's name in errors. */
const NAME = 'fuzz.tar';

const CODES: ReadonlySet<string> = new Set(['WDS_TRUNCATED', 'WDS_BAD_HEADER', 'WDS_UNSUPPORTED', 'WDS_DECOMPRESS']);

/** zlib's decoders give their output in pieces of this many bytes. */
const DECODER_CHUNK = 256 * 1024;

/** Once in so many archives: compressing costs far more than the rest. */
const COMPRESS_ONCE_IN = 8;

/**
 * Reads a broken archive in several ways, and throws a {@link Violation} when anything is wrong with the result.
 *
 * @param original what the unbroken archive gives
 */
export async function check(mutant: Mutant, original: Outcome, random: Random, allocations: Allocations): Promise<Outcome> {
  const { bytes } = mutant;
  allocations.takeLargest();
  const outcome = await read(bytes);
  const largest = allocations.takeLargest();
  if (largest > bytes.length) throw new Violation(`a buffer of ${largest} bytes was made for ${bytes.length} bytes of input`);
  verify(outcome, bytes);
  if (mutant.isHarmless) verifyUnchanged(outcome, original, bytes);
  await verifyGroups(bytes, outcome);
  await verifyOtherWay(bytes, outcome, random, allocations);
  return outcome;
}

/** Reads an archive to its end or first fault. */
export async function read(input: TarInput): Promise<Outcome> {
  const members: Outcome['members'][number][] = [];
  try {
    for await (const entry of readTar(input, { name: NAME })) members.push(entry);
    return { members, error: undefined };
  } catch (error) {
    return { members, error: typed(error) };
  }
}

/** Errors must be ours, and say where. */
function typed(error: unknown): WebDatasetError {
  if (!(error instanceof WebDatasetError)) throw new Violation('it threw another exception', { cause: error });
  if (error.shard !== NAME || error.offset === undefined || !Number.isSafeInteger(error.offset) || error.offset < 0) {
    throw new Violation(`the error does not say where: ${error.code}, ${error.message}`, { cause: error });
  }
  return error;
}

function verify({ members, error }: Outcome, bytes: Buffer): void {
  let last = -1;
  for (const { member, data } of members) {
    const { name, type, offset, size, headerOffset } = member;
    const isInside = offset + size <= bytes.length && headerOffset > last && offset > headerOffset && offset % 512 === 0;
    if (!isInside || data.length !== size || !data.equals(bytes.subarray(offset, offset + size))) {
      throw new Violation(`a member is not what the archive has: ${JSON.stringify(member)}`);
    }
    if ((type === 'link' || type === 'symlink' || type === 'directory') && size !== 0) throw new Violation(`"${name}" has data`);
    last = offset + size - 1;
  }
  if (error === undefined) {
    if (bytes.length < 512 || bytes.subarray(Math.ceil((last + 1) / 512) * 512).some((byte) => byte !== 0)) {
      throw new Violation('it was accepted without an end, or with data behind it');
    }
  } else {
    if (!CODES.has(error.code)) throw new Violation(`no fault of an archive: ${error.code}`, { cause: error });
    if ((error.offset ?? 0) > bytes.length) throw new Violation(`the fault lies outside: ${error.message}`, { cause: error });
  }
}

function verifyUnchanged({ members, error }: Outcome, original: Outcome, bytes: Buffer): void {
  if (error !== undefined) throw new Violation('it was refused, though nothing that matters was changed', { cause: error });
  const isSame =
    members.length === original.members.length &&
    members.every(({ member, data }, index) => {
      const expected = original.members[index]?.member;
      if (expected?.name !== member.name || expected.type !== member.type) return false;
      return data.equals(bytes.subarray(expected.offset, expected.offset + expected.size));
    });
  if (!isSame) throw new Violation('other members than those of the unbroken archive, though nothing that matters was changed');
}

/** Grouping by the rules of Python webdataset, over again: adjacent files with one key, no extension twice. */
async function verifyGroups(bytes: Buffer, { members, error }: Outcome): Promise<void> {
  const expected: { key: string; fields: string[] }[] = [];
  for (const { member } of members) {
    const [, key, extension] = member.type === 'file' ? (/^((?:.*\/)?[^./][^./]*)\.([^/]*)$/su.exec(member.name) ?? []) : [];
    if (key === undefined || extension === undefined || /^__[^/]*__($|\/)/.test(member.name)) continue;
    const open = expected.at(-1);
    if (open?.key === key) open.fields.push(extension.toLowerCase());
    else expected.push({ key, fields: [extension.toLowerCase()] });
  }
  const duplicate = expected.findIndex(({ fields }) => new Set(fields).size < fields.length);
  let count = 0;
  let fault: unknown;
  try {
    for await (const { key, fields } of groupSamples(readTar(bytes, { name: NAME }), NAME)) {
      const sample = expected[count++];
      if (sample?.key !== key || sample.fields.join('\n') !== [...fields.keys()].join('\n'))
        throw new Violation(`sample "${key}" is wrong`);
    }
  } catch (reason) {
    if (reason instanceof Violation) throw reason;
    fault = typed(reason);
  }
  const code = fault instanceof WebDatasetError ? fault.code : undefined;
  // A fault closes no sample: the last one may have had more to come.
  const whole = error === undefined ? expected.length : expected.length - 1;
  const isRight =
    duplicate >= 0 && (duplicate < whole || error === undefined)
      ? code === 'WDS_DUPLICATE_FIELD' && count === duplicate
      : code === error?.code && count === Math.max(0, whole);
  if (!isRight)
    throw new Violation(`${count} samples of ${whole}, then ${String(code)}; the archive's own fault is ${String(error?.code)}`);
}

/** The same bytes from elsewhere must give the same. */
async function verifyOtherWay(bytes: Buffer, expected: Outcome, random: Random, allocations: Allocations): Promise<void> {
  allocations.takeLargest();
  switch (random.below(COMPRESS_ONCE_IN)) {
    case 0:
      return verifyCompressed(bytes, expected, random, allocations);
    case 1:
    case 2: {
      const crooked = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
      verifySame(await read(crooked), expected, 'at an odd address');
      return;
    }
    case 3:
    case 4: {
      const members: TarMember[] = [];
      let error: unknown;
      try {
        for await (const member of scanTar(bytes, { name: NAME })) members.push(member);
      } catch (reason) {
        error = reason;
      }
      const outcome = {
        members: members.map((member) => ({ member, data: undefined })),
        error: error === undefined ? undefined : typed(error),
      };
      verifySame(outcome, expected, 'as a list');
      return;
    }
    default: {
      const stream = new CountedPieces(bytes, random);
      const outcome = await read(stream);
      // The pieces and what joins them.
      if (allocations.takeLargest() > bytes.length) throw new Violation('a stream was read into a buffer larger than all of it');
      if (stream.asked > stream.given + 2) throw new Violation(`a stream of ${stream.given} pieces was asked ${stream.asked} times`);
      verifySame(outcome, expected, 'as a stream');
      return;
    }
  }
}

async function verifyCompressed(bytes: Buffer, expected: Outcome, random: Random, allocations: Allocations): Promise<void> {
  const compressed = random.once(2) ? gzipSync(bytes, { level: 1 }) : zstdCompressSync(bytes);
  allocations.takeLargest();
  verifySame(await read(compressed), expected, 'compressed');
  if (allocations.takeLargest() > Math.max(DECODER_CHUNK, bytes.length)) throw new Violation('decompression made too large a buffer');
  const at = random.below(compressed.length);
  const broken = random.once(3) ? compressed.subarray(0, at) : Buffer.from(compressed);
  if (broken.length === compressed.length) broken[at] = random.below(256);
  const { error, members } = await read(broken);
  if (error !== undefined && !CODES.has(error.code)) throw new Violation(`no fault of an archive: ${error.code}`, { cause: error });
  // What comes out before the damage is noticed is a part, or damaged itself; but all that is handed out must be whole.
  if (members.some(({ member, data }) => data.length !== member.size)) throw new Violation('a member of a damaged stream is not whole');
}

function verifySame(
  outcome: {
    readonly members: readonly { readonly member: TarMember; readonly data: Buffer | undefined }[];
    readonly error: WebDatasetError | undefined;
  },
  expected: Outcome,
  how: string,
): void {
  const { error } = outcome;
  if (error?.code !== expected.error?.code || error?.offset !== expected.error?.offset) {
    throw new Violation(`${how} it ends with ${String(error?.message)}, not with ${String(expected.error?.message)}`, { cause: error });
  }
  const isSame =
    outcome.members.length === expected.members.length &&
    outcome.members.every(({ member, data }, index) => {
      const other = expected.members[index];
      if (other === undefined || (data !== undefined && !data.equals(other.data))) return false;
      const keys = Object.keys(member) as (keyof TarMember)[];
      return keys.every((key) => Object.is(member[key], other.member[key]));
    });
  if (!isSame) throw new Violation(`${how} it has other members`);
}

/** A stream in pieces of random sizes, which counts how often it is asked. */
class CountedPieces implements AsyncIterableIterator<Uint8Array> {
  asked = 0;
  given = 0;
  readonly #random: Random;
  #rest: Buffer;

  constructor(bytes: Buffer, random: Random) {
    this.#rest = bytes;
    this.#random = random;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.asked++;
    if (this.#rest.length === 0) return Promise.resolve({ done: true, value: undefined });
    this.given++;
    const length = this.#random.once(4) ? this.#rest.length : this.#random.below(1500);
    const value = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return Promise.resolve({ done: false, value });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

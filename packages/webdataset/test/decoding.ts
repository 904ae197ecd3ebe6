/** What the tests of decoders share. */
import { expect } from 'vitest';
import type { DecodeContext, RandomNumbers } from '../src/decode/decode-context.ts';
import type { Decoder } from '../src/decode/decoder.ts';
import { FieldDecoders } from '../src/decode/field-decoders.ts';
import type { CodecLoaders } from '../src/decode/image/image-codecs.ts';
import { loadJpegJs } from '../src/decode/image/jpeg-js.ts';
import { loadJpegTurbo } from '../src/decode/image/jpeg-turbo.ts';
import { loadSharp } from '../src/decode/image/sharp.ts';

const missing = (): Promise<never> => Promise.reject(new Error("Cannot find package 'x'"));

/** The decoders as installed, and what is left where packages are missing. */
export const ALL_CODECS: CodecLoaders = { jpegTurbo: loadJpegTurbo, sharp: loadSharp, jpegJs: loadJpegJs };
export const WITHOUT_TURBO: CodecLoaders = { ...ALL_CODECS, jpegTurbo: missing };
export const WITHOUT_NATIVE: CodecLoaders = { ...WITHOUT_TURBO, sharp: missing };

/** Random numbers that a seed decides; every call of `random()` starts them again. */
export function contextOf(seed = 1): DecodeContext {
  return { key: 'sample', shard: 'shard.tar', random: () => randomNumbers(seed) };
}

export function randomNumbers(seed: number): RandomNumbers {
  let state = seed >>> 0;
  // mulberry32: enough for tests.
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { uint32, below: (bound) => Math.floor((uint32() / 2 ** 32) * bound) };
}

/** A copy in memory that threads share, which is where loaders read files to. */
function shared(bytes: Buffer): Buffer {
  const copy = Buffer.from(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** Decodes a tensor field into shared memory, as loaders do. */
export async function decodeTensor(
  decoder: Decoder<unknown, unknown>,
  bytes: Buffer,
  { codecs = ALL_CODECS, context = contextOf() }: { codecs?: CodecLoaders; context?: DecodeContext } = {},
): Promise<Buffer> {
  const decoders = await FieldDecoders.create({ field: decoder }, codecs);
  const target = Buffer.from(new SharedArrayBuffer(decoders.layouts.get('field')!.bytesPerSample)).fill(0xaa);
  await decoders.decodeInto('field', shared(bytes), target, context);
  return target;
}

/** Decodes one field to a value. */
export async function decodeOne(decoder: Decoder<unknown, unknown>, bytes: Buffer | string, codecs = ALL_CODECS): Promise<unknown> {
  const decoders = await FieldDecoders.create({ field: decoder }, codecs);
  return await decoders.decodeValue('field', shared(Buffer.from(bytes)), contextOf());
}

export function meanDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += Math.abs(a[index]! - b[index]!);
  return sum / a.length;
}

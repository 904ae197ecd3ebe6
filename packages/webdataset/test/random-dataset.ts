/** Data sets of small samples, some of them broken, for property tests. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { encodeHeader } from '../src/tar/header.ts';
import { encodePax } from '../src/tar/pax.ts';
import { encodeMember, END_OF_ARCHIVE } from '../src/tar/writer.ts';
import { makeJpeg } from './support.ts';

/** What is wrong with a sample. */
export type Kind = 'good' | 'corrupt' | 'unlabelled' | 'mislabelled' | 'twice';

/** What a shard is made of. */
export interface ShardSpec {
  readonly kinds: readonly Kind[];
  /** Share of its bytes that is left; 1 is all. */
  readonly left: number;
  /** Preceded by a global PAX header. */
  readonly global: boolean;
  readonly gzip: boolean;
}

const kind = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Kind>('good') },
  fc.constantFrom<Kind>('corrupt', 'unlabelled', 'mislabelled', 'twice'),
);

/** Any shard of up to 12 samples; truncated ones only where asked for. */
export function shardSpec({ truncated }: { truncated: boolean }): fc.Arbitrary<ShardSpec> {
  const whole = fc.constant(1);
  return fc.record({
    kinds: fc.oneof(fc.array(kind, { maxLength: 12 }), fc.array(fc.constant<Kind>('good'), { maxLength: 12 })),
    left: truncated ? fc.oneof({ weight: 5, arbitrary: whole }, fc.double({ min: 0, max: 1, noNaN: true })) : whole,
    global: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    gzip: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true)),
  });
}

const PICTURES = Array.from({ length: 8 }, (_, seed) => makeJpeg(8, 8, seed));
const CORRUPT = PICTURES[0]!.subarray(0, 200);

function encodeShard({ kinds, left, global, gzip }: ShardSpec, number: number): Buffer {
  const pieces: Uint8Array[] = [];
  if (global) {
    const body = encodePax([['mtime', '1700000000']]);
    pieces.push(encodeHeader({ name: 'pax_global_header', typeFlag: 0x67, size: body.length, mode: 0o444, mtime: 0 }), body);
    pieces.push(Buffer.alloc(512 - body.length));
  }
  for (const [index, what] of kinds.entries()) {
    const key = `${number}-${index}`;
    const add = (field: string, data: string | Uint8Array): void =>
      void pieces.push(...encodeMember({ name: `${key}.${field}`, data: Buffer.from(data) }));
    add('jpg', what === 'corrupt' ? CORRUPT : PICTURES[(number * 5 + index) % PICTURES.length]!);
    if (what !== 'unlabelled') add('cls', what === 'mislabelled' ? 'cat' : String(number * 100 + index));
    if (what === 'twice') add('CLS', '1');
    if (index % 3 === 0) add('txt', `sample ${key}`);
  }
  const whole = Buffer.concat([...pieces, END_OF_ARCHIVE]);
  const kept = whole.subarray(0, Math.round(whole.length * left));
  return gzip ? gzipSync(kept) : kept;
}

/** Writes the shards into a new folder below `directory`, group by group; gives their paths. */
export async function writeShards(
  directory: string,
  groups: readonly (readonly ShardSpec[])[],
): Promise<{ folder: string; shards: string[][] }> {
  const folder = await mkdtemp(join(directory, 'set-'));
  let number = 0;
  const shards: string[][] = [];
  for (const group of groups) {
    const paths: string[] = [];
    for (const spec of group) {
      const path = join(folder, `shard-${number}.tar`);
      await writeFile(path, encodeShard(spec, number++));
      paths.push(path);
    }
    shards.push(paths);
  }
  return { folder, shards };
}

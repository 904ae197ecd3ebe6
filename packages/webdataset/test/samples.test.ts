import { channel } from 'node:diagnostics_channel';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Raster } from '../src/decode/image/raster.ts';
import { image, integer, optional, text } from '../src/decode/decoders.ts';
import type { WebDatasetError } from '../src/errors.ts';
import { shardOrder } from '../src/order/shard-order.ts';
import type { LazySample } from '../src/lazy-sample.ts';
import { samples, type SamplesOptions } from '../src/samples.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { SKIPPED_CHANNEL, type SkippedEvent } from '../src/skipped.ts';
import { pipe } from '../src/stages/pipe.ts';
import { split } from '../src/stages/split.ts';
import { take } from '../src/stages/take.ts';
import splitAtLastDot from './split-at-last-dot.ts';
import { collect, keyOf, makeJpeg, temporaryFolder, writeImageShards } from './support.ts';
import { TarWriter } from '../src/tar/writer.ts';

const SHARDS = 4;
const SAMPLES_PER_SHARD = 5;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: SHARDS, samplesPerShard: SAMPLES_PER_SHARD });
});
afterAll(() => folder[Symbol.asyncDispose]());

/** An archive in memory with these members. */
async function archiveOf(members: readonly (readonly [name: string, data: string | Buffer])[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const writer = new TarWriter((bytes) => void pieces.push(Buffer.from(bytes)));
  for (const [name, data] of members) await writer.add({ name, data: Buffer.from(data) });
  await writer.close();
  return Buffer.concat(pieces);
}

/** A shard of these members. */
async function shardOf(name: string, members: readonly (readonly [name: string, data: string | Buffer])[]) {
  const bytes = await archiveOf(members);
  return { name, size: bytes.length, open: () => bytes };
}

function openFiles(): Promise<string[]> {
  return readdir('/proc/self/fd');
}

describe('samples', () => {
  it('come decoded and typed by the table of fields, in the order of the shards', async () => {
    const spec = join(folder.path, `shard-{000000..00000${SHARDS - 1}}.tar`);
    let number = 0;
    for await (const { __key__, __url__, picture, label, caption } of samples(spec, {
      fields: { picture: image({ from: ['png', 'jpg'] }), label: integer({ from: ['cls'] }), caption: optional(text({ from: ['txt'] })) },
    })) {
      expectTypeOf(__key__).toEqualTypeOf<string>();
      expectTypeOf(picture).toEqualTypeOf<Raster>();
      expectTypeOf(label).toEqualTypeOf<number>();
      expectTypeOf(caption).toEqualTypeOf<string | undefined>();
      expect([__key__, __url__, label, caption]).toEqual([
        keyOf(number),
        shards[Math.floor(number / SAMPLES_PER_SHARD)],
        number,
        undefined,
      ]);
      expect(picture).toMatchObject({ width: 8, height: 8, channels: 3 });
      number++;
    }
    expect(number).toBe(SHARDS * SAMPLES_PER_SHARD);
  });

  it('come with default decoders for a list of extensions', async () => {
    const read = samples(shards, { fields: ['jpg', 'cls'] });
    expectTypeOf(read).toExtend<AsyncIterable<{ __key__: string; __url__: string; jpg: Raster; cls: number }>>();
    expect((await collect(read)).map(({ cls }) => cls)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('without a list of fields are decoded only when they are asked for', async () => {
    const shard = await shardOf('lazy.tar', [
      ['a.cls', '7'],
      ['a.json', '{"x":1}'],
      ['a.bin', 'bytes'],
      ['a.txt', 'Grüße'],
      ['b.cls', 'seven'],
    ]);
    const [a, b] = await collect(samples([shard]));
    expect([a!.__key__, a!.__url__, [...a!.fields.keys()]]).toEqual(['a', 'lazy.tar', ['cls', 'json', 'bin', 'txt']]);
    expect(a!.fields.get('bin')?.toString()).toBe('bytes');
    const cls = await a!.decode('cls');
    expectTypeOf(cls).toEqualTypeOf<number>();
    expect([cls, await a!.decode('json'), await a!.decode('txt')]).toEqual([7, { x: 1 }, 'Grüße']);
    expect(Buffer.from(await a!.decode('bin')).toString()).toBe('bytes');
    await expect(b!.decode('cls')).rejects.toMatchObject({ code: 'WDS_LABEL', shard: 'lazy.tar', key: 'b', offset: 4096 });
    await expect(b!.decode('jpg')).rejects.toMatchObject({
      code: 'WDS_MISSING_FIELD',
      message: 'lazy.tar, sample "b": the sample has no field "jpg", only "cls"',
    });
  });

  it('come from URLs, openers and whatever else shards can be, also from a pipe', async () => {
    const both = await collect(samples(pipe(shards, split(1, 2)), { fields: ['cls'] }));
    expect(both.map(({ cls }) => cls)).toEqual([5, 6, 7, 8, 9, 15, 16, 17, 18, 19]);
    const opened = { name: 'opened.tar', open: async () => readFile(shards[1]!) };
    expect((await collect(samples([opened, shards[0]!], { fields: ['cls'] }))).map(({ cls }) => cls)).toEqual([
      5, 6, 7, 8, 9, 0, 1, 2, 3, 4,
    ]);
  });

  it('come from an endless sequence of shards', async () => {
    const endless = (function* () {
      for (;;) yield* shards;
    })();
    expect((await collect(pipe(samples(endless, { fields: ['cls'] }), take(45)))).map(({ cls }) => cls).slice(18)).toEqual([
      18,
      19,
      ...Array.from({ length: 20 }, (_, index) => index),
      0,
      1,
      2,
      3,
      4,
    ]);
  });

  it('come in an order of shards that seed and epoch determine, the same that the loader has', async () => {
    const first = async (options: SamplesOptions): Promise<number[]> => {
      const read = await collect(samples(shards, { ...options, fields: ['cls'] }));
      return read.map(({ cls }) => cls).filter((_, index) => index % SAMPLES_PER_SHARD === 0);
    };
    for (const epoch of [0, 1, 2]) {
      const expected = shardOrder(SHARDS, 3, epoch).map((shard) => shard * SAMPLES_PER_SHARD);
      expect(await first({ shuffle: true, seed: 3, epoch })).toEqual(expected);
    }
  });

  it('are grouped by a rule of names of your own', async () => {
    const shard = await shardOf('dots.tar', [
      ['v1.0.cls', '1'],
      ['v1.1.cls', '2'],
    ]);
    const read = await collect(samples([shard], { splitName: splitAtLastDot, fields: ['cls'] }));
    expect(read.map(({ __key__, cls }) => [__key__, cls])).toEqual([
      ['v1.0', 1],
      ['v1.1', 2],
    ]);
  });

  it('begin anew with each iteration, and leave nothing open', async () => {
    const before = (await openFiles()).length;
    const read = samples(shards);
    const keys = async (): Promise<string[]> => (await collect(read)).map(({ __key__ }) => __key__);
    expect(await keys()).toEqual(await keys());
    for await (const sample of read) {
      expect(sample.__key__).toBe(keyOf(0));
      break;
    }
    expect(await openFiles()).toHaveLength(before);
  });

  it('end with the reason of a signal', async () => {
    const before = (await openFiles()).length;
    const controller = new AbortController();
    const seen: LazySample[] = [];
    await expect(async () => {
      for await (const sample of samples(shards, { signal: controller.signal, onError: 'skip' })) {
        if (seen.push(sample) === 3) controller.abort(new Error('enough'));
      }
    }).rejects.toThrow('enough');
    expect(seen).toHaveLength(3);
    expect(await openFiles()).toHaveLength(before);
  });

  it.each([
    ['a field cannot be named __key__: every sample has that', () => samples([], { fields: ['__key__'] })],
    ['seed must be an integer of at least 0, got -1', () => samples([], { seed: -1 })],
    ['maxFailures must be an integer of at least 0, got 0.5', () => samples([], { maxFailures: 0.5 })],
  ])('refuse wrong options: %s', (message, call) => {
    expect(call).toThrow(new RangeError(message));
  });

  it('need shards', async () => {
    await expect(collect(samples([]))).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
    await expect(collect(samples(join(folder.path, 'nothing-*.tar')))).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
  });
});

describe('a shard with faults', () => {
  /** a is good; b has a field twice; c's label is none; d lacks it; e is good; f is cut off, so that nobody knows all of it. */
  async function faulty() {
    const bytes = await archiveOf([
      ['a.cls', '1'],
      ['b.cls', '2'],
      ['b.CLS', '2'],
      ['c.cls', 'three'],
      ['d.txt', 'four'],
      ['e.cls', '5'],
      ['f.cls', '6'],
      ['f.txt', 'six'],
    ]);
    const cut = bytes.subarray(0, 7 * 1024 + 100);
    return [{ name: 'faulty.tar', size: cut.length, open: () => cut }, await shardOf('good.tar', [['g.cls', '7']])];
  }

  async function read(options: SamplesOptions) {
    const classes: number[] = [];
    const failures: string[] = [];
    const record = (event: unknown): void => {
      const { error, epoch } = event as SkippedEvent;
      failures.push(`${epoch} ${error.code} ${error.shard} ${error.key}`);
    };
    channel(SKIPPED_CHANNEL).subscribe(record);
    try {
      for await (const { cls } of samples(await faulty(), { ...options, fields: ['cls'] })) classes.push(cls);
      return { classes, failures, error: undefined };
    } catch (error) {
      return { classes, failures, error: error as WebDatasetError };
    } finally {
      channel(SKIPPED_CHANNEL).unsubscribe(record);
    }
  }

  const FAILURES = [
    '2 WDS_DUPLICATE_FIELD faulty.tar b',
    '2 WDS_LABEL faulty.tar c',
    '2 WDS_MISSING_FIELD faulty.tar d',
    '2 WDS_TRUNCATED faulty.tar undefined',
  ];

  it('ends by default with the first, after all samples before it', async () => {
    expect(await read({})).toMatchObject({ classes: [1], failures: [], error: { code: 'WDS_DUPLICATE_FIELD', key: 'b' } });
  });

  it('is left out in part with skip, which tells of everything', async () => {
    expect(await read({ onError: 'skip', epoch: 2 })).toEqual({ classes: [1, 5, 7], failures: FAILURES, error: undefined });
  });

  it('is left out in part with warn, which warns ever more rarely', async () => {
    const warnings: Error[] = [];
    const record = (warning: Error): void => void warnings.push(warning);
    process.on('warning', record);
    try {
      expect(await read({ onError: 'warn', epoch: 2 })).toEqual({ classes: [1, 5, 7], failures: FAILURES, error: undefined });
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('warning', record);
    }
    expect(warnings.map(({ name, message }) => [name, message.replace(/.*\(/, '(')])).toEqual([
      ['WebDatasetWarning', '(left out; 1 in epoch 2 so far)'],
      ['WebDatasetWarning', '(left out; 2 in epoch 2 so far)'],
      ['WebDatasetWarning', '(left out; 4 in epoch 2 so far)'],
    ]);
  });

  it('ends the samples with stop', async () => {
    expect(await read({ onError: 'stop', epoch: 2 })).toEqual({ classes: [1], failures: FAILURES.slice(0, 1), error: undefined });
  });

  it('ends with an error when more fails than is allowed', async () => {
    expect(await read({ onError: 'skip', maxFailures: 4 })).toMatchObject({ classes: [1, 5, 7], error: undefined });
    expect(await read({ onError: 'skip', maxFailures: 2 })).toMatchObject({
      classes: [1],
      error: { code: 'WDS_TOO_MANY_FAILURES', shard: 'faulty.tar', key: 'd', cause: { code: 'WDS_MISSING_FIELD' } },
    });
  });

  it('does not hide what is wrong with the functions of the caller', async () => {
    const splitName = (): never => {
      throw new Error('my own');
    };
    expect(await read({ onError: 'skip', splitName })).toMatchObject({ classes: [], failures: [], error: { message: 'my own' } });
  });

  it('that is not there is one failure', async () => {
    const missing = join(folder.path, 'missing.tar');
    const present = samples([missing, shards[0]!], { onError: 'skip', maxFailures: 1, fields: ['cls'] });
    expect(await collect(present)).toHaveLength(SAMPLES_PER_SHARD);
    await expect(collect(samples(missing))).rejects.toMatchObject({ code: 'WDS_READ', shard: missing });
  });
});

describe('memory', () => {
  it('stays bounded, however long the shard is', async () => {
    // Fields that are as large as all of a read window: what is kept beyond one would show at once.
    const picture = makeJpeg(8, 8, 0);
    const large = Buffer.alloc(8 * 1024 * 1024, 1);
    await using target = await temporaryFolder();
    await using writer = new ShardWriter({ directory: target.path });
    for (let index = 0; index < 40; index++) await writer.write({ __key__: keyOf(index), jpg: picture, bin: large });
    await writer.close();
    await writeFile(join(target.path, 'note.txt'), 'no shard');
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const { fields } of samples(target.path)) {
      expect(fields.get('bin')).toHaveLength(large.length);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    // The garbage collector decides when it frees; 320 MiB passed through.
    expect(most).toBeLessThan(200 * 1024 * 1024);
  });
});

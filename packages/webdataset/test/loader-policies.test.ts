import { channel } from 'node:diagnostics_channel';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytes, fromModule, image, integer, json, npy, optional, text } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import { SHARD_CHANNEL, type ShardEvent } from '../src/loader/shard-events.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { type Kind, writeShards } from './random-dataset.ts';
import { keyOf, makeJpeg, temporaryFolder } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const fields = { image: image({ height: 4, width: 4, from: ['jpg'] }), label: integer({ from: ['cls'] }) };

async function shardOf(...kinds: Kind[]): Promise<string> {
  return (await writeShards(folder.path, [[{ kinds, left: 1, global: false, gzip: false }]])).shards[0]![0]!;
}

/** Sizes of the batches, labels, and how the epoch ended. */
async function run(
  options: Partial<LoaderOptions<typeof fields>> & { shards: string[] },
): Promise<{ sizes: number[]; labels: number[]; error: unknown }> {
  const sizes: number[] = [];
  const labels: number[] = [];
  try {
    await using loader = await Loader.open({ fields, batchSize: 3, shuffle: false, ...options });
    for await (const batch of loader.epoch(0)) {
      sizes.push(batch.size);
      labels.push(...batch.label);
      batch.release();
    }
    return { sizes, labels, error: undefined };
  } catch (error) {
    return { sizes, labels, error };
  }
}

describe.each([0, 1])('with %i workers', (workers) => {
  it("'stop' ends the epoch before the first fault, as if nothing came after it", async () => {
    const shards = [await shardOf('good', 'good', 'good', 'good', 'good', 'corrupt', 'good')];
    expect(await run({ shards, workers, onError: 'stop' })).toEqual({ sizes: [3, 2], labels: [0, 1, 2, 3, 4], error: undefined });
    expect(await run({ shards, workers, onError: 'stop', lastBatch: 'drop' })).toEqual({ sizes: [3], labels: [0, 1, 2], error: undefined });
    const missing = [shards[0]!, join(folder.path, 'missing.tar')];
    expect((await run({ shards: missing.toReversed(), workers, onError: 'stop' })).labels).toEqual([]);
  });

  it('maxFailures allows so many, and the next one is an error with the count and the last cause, after all batches before it', async () => {
    const shards = [await shardOf('corrupt', 'good', 'unlabelled', 'good', 'good', 'good', 'twice', 'good', 'good')];
    expect((await run({ shards, workers, onError: 'skip', maxFailures: 3 })).labels).toEqual([1, 3, 4, 5, 7, 8]);
    const { labels, error } = await run({ shards, workers, onError: 'skip', maxFailures: 2 });
    expect(labels).toEqual([1, 3, 4]);
    expect(error).toMatchObject({
      name: 'TooManyFailuresError',
      code: 'WDS_TOO_MANY_FAILURES',
      failures: 3,
      shard: shards[0],
      key: '0-6',
      cause: { code: 'WDS_DUPLICATE_FIELD' },
      message: expect.stringContaining('3 failures, more than maxFailures (2); the last one: the sample has two members') as string,
    });
  });

  it('an agreed number of samples is delivered, whatever is skipped: the shards are gone through again', async () => {
    const shards = [await shardOf('good', 'corrupt', 'good', 'good')];
    expect((await run({ shards, workers, onError: 'skip', samplesPerEpoch: 8 })).labels).toEqual([0, 2, 3, 0, 2, 3, 0, 2]);
    expect((await run({ shards, workers, onError: 'skip', samplesPerEpoch: 2 })).labels).toEqual([0, 2]);
  });

  it('fails with WDS_NO_GOOD_SAMPLES when a whole round over the shards gives nothing', async () => {
    const shards = [await shardOf('corrupt', 'unlabelled', 'mislabelled')];
    for (const nothing of [shards, [await shardOf()], [join(folder.path, 'missing.tar')]]) {
      expect((await run({ shards: nothing, workers, onError: 'skip', samplesPerEpoch: 5 })).error).toMatchObject({
        code: 'WDS_NO_GOOD_SAMPLES',
        message: expect.stringContaining('5 of the 5 samples that this rank is to deliver are missing') as string,
      });
    }
  });

  it('delivers fields of any kind: tensors in shared memory, other values as arrays', async () => {
    const module = join(folder.path, 'reverse.mjs');
    await writeFile(module, 'export default (bytes, { options, key }) => `${options.greeting} ${key}: ${bytes.toString()}`;');
    await using writer = new ShardWriter({ directory: folder.path, pattern: `kinds-${workers}-%d.tar` });
    const array = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00\x46\x00', 'latin1'),
      Buffer.from(`${"{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }".padEnd(69)}\n`),
      Buffer.from(Int16Array.of(1, 2, 3).buffer),
    ]);
    for (let index = 0; index < 7; index++) {
      const more = index === 3 ? {} : { note: `note ${index}` };
      await writer.write({
        __key__: keyOf(index),
        jpg: makeJpeg(4, 4, 1),
        cls: index,
        json: { index },
        npy: array,
        bin: Buffer.of(index),
        own: 'x',
        ...more,
      });
    }
    const shards = (await writer.close()).map(({ path }) => path);
    await using loader = await Loader.open({
      ...{ shards, workers, batchSize: 4, shuffle: false },
      fields: {
        pixels: image({ height: 4, width: 4, type: 'float32', layout: 'nchw', from: ['png', 'jpg'] }),
        cls: integer(),
        meta: json<{ index: number }>({ from: ['json'] }),
        array: npy({ from: ['npy'] }),
        note: optional(text()),
        bin: bytes(),
        own: fromModule<string>(new URL(`file://${module}`), { options: { greeting: 'hello' } }),
      },
    });
    const sizes: number[] = [];
    for await (const batch of loader.epoch(0)) {
      const first = sizes.reduce((sum, size) => sum + size, 0);
      sizes.push(batch.size);
      expect(batch.pixels.shape).toEqual([batch.size, 3, 4, 4]);
      expect(batch.pixels.data).toBeInstanceOf(Float32Array);
      expect(batch.pixels.data.byteOffset % 64).toBe(0);
      expect(batch.cls.byteOffset % 64).toBe(0);
      for (let place = 0; place < batch.size; place++) {
        const index = first + place;
        expect(batch.cls[place]).toBe(index);
        expect(batch.meta[place]).toEqual({ index });
        expect(batch.array[place]).toMatchObject({ dtype: 'int16', data: Int16Array.of(1, 2, 3) });
        expect(batch.note[place]).toBe(index === 3 ? undefined : `note ${index}`);
        expect([...batch.bin[place]!]).toEqual([index]);
        expect(batch.own[place]).toBe(`hello ${keyOf(index)}: x`);
      }
      batch.release();
    }
    expect(sizes).toEqual([4, 3]);
    // Extensions alone get the decoders of their kind.
    await using other = await Loader.open({ shards, workers, batchSize: 7, shuffle: false, fields: ['jpg', 'cls', 'json'] });
    for await (const { jpg, cls, json: meta } of other.epoch(0)) {
      expect(jpg[6]).toMatchObject({ width: 4, height: 4, channels: 3 });
      expect([...cls]).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(meta[2]).toEqual({ index: 2 });
    }
  });

  it('tells when it begins with a shard and when its last sample is done', async () => {
    const shards = [await shardOf('good', 'good'), await shardOf('good', 'corrupt')];
    const events: string[] = [];
    const note = (event: unknown): void => void events.push(`${(event as ShardEvent).kind} ${shards.indexOf((event as ShardEvent).shard)}`);
    channel(SHARD_CHANNEL).subscribe(note);
    await run({ shards, workers, onError: 'skip' });
    channel(SHARD_CHANNEL).unsubscribe(note);
    expect([...events].sort()).toEqual(['end 0', 'end 1', 'start 0', 'start 1']);
    for (const shard of [0, 1]) expect(events.indexOf(`start ${shard}`)).toBeLessThan(events.indexOf(`end ${shard}`));
  });
});

describe('a loader', () => {
  it('can be left at any moment, also when it is just about to wait for what an agreed number still needs', async () => {
    const shards = [await shardOf('good', 'good', 'good', 'good', 'good', 'good')];
    await using loader = await Loader.open({ shards, fields, batchSize: 1, workers: 0, slots: 3, shuffle: false, samplesPerEpoch: 4 });
    for (let ticks = 0; ticks < 40; ticks++) {
      const batches = loader.epoch(0);
      const first = (await batches.next()).value!;
      const second = (await batches.next()).value!;
      await setImmediate();
      await setImmediate();
      first.release(); // The slot that the last sample has waited for.
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await batches.return();
      second.release();
    }
  });

  it("warns with 'warn', ever more rarely", async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(`${warning.name} ${warning.message}`);
    process.on('warning', note);
    const { labels } = await run({ shards: [await shardOf(...new Array<Kind>(9).fill('unlabelled'), 'good')], onError: 'warn' });
    process.off('warning', note);
    expect(labels).toEqual([9]);
    expect(warnings.length).toBe(4);
    expect(warnings[0]).toMatch(/^WebDatasetWarning .*sample "0-0".*has no "label"/);
  });

  it.each(['__key__', '__url__', 'size', 'release', 'state'])(
    'refuses a field with the name of a property of every batch: %s',
    async (name) => {
      const opening = Loader.open({ shards: ['x.tar'], batchSize: 1, fields: { [name]: text() } });
      await expect(opening).rejects.toThrow(`fields cannot have the name "${name}"`);
      await expect(opening).rejects.toBeInstanceOf(TypeError);
    },
  );

  it('refuses fields, modules and worlds that make no sense', async () => {
    const shards = [await shardOf('good')];
    await expect(Loader.open({ shards, batchSize: 1, fields: {} })).rejects.toThrow('fields must name at least one field');
    await expect(Loader.open({ shards, batchSize: 1, fields: { x: fromModule('file:///no/such.mjs') } })).rejects.toThrow(/no\/such.mjs/);
    await expect(Loader.open({ shards, batchSize: 1, fields, splitName: 'file:///no/such.mjs' })).rejects.toThrow(/no\/such.mjs/);
    await expect(Loader.open({ shards, batchSize: 1, fields, worldSize: 2, rank: 2 })).rejects.toThrow('rank must be');
    await expect(Loader.open({ shards, batchSize: 1, fields, maxFailures: -1 })).rejects.toThrow('maxFailures must be');
  });

  it('groups members by a rule of names in a module', async () => {
    const module = join(folder.path, 'by-folder.mjs');
    await writeFile(module, "export default (name) => { const [key, field] = name.split('/'); return field && { key, field }; };");
    await using writer = new ShardWriter({ directory: folder.path, pattern: 'grouped-%d.tar' });
    for (const index of [1, 2]) {
      await writer.write({ __key__: `s${index}/a`, txt: String(index) });
      await writer.write({ __key__: `s${index}/b`, txt: 'b' });
    }
    const shards = (await writer.close()).map(({ path }) => path);
    for (const workers of [0, 1]) {
      const named = { first: text({ from: ['a.txt'] }), second: text({ from: ['b.txt'] }) };
      await using loader = await Loader.open({
        shards,
        workers,
        batchSize: 2,
        shuffle: false,
        fields: named,
        splitName: new URL(`file://${module}`),
      });
      for await (const { __key__, first, second } of loader.epoch(0)) {
        expect({ __key__, first, second }).toEqual({ __key__: ['s1', 's2'], first: ['1', '2'], second: ['b', 'b'] });
      }
      // Ranks count by the same rule.
      await using half = await Loader.open({
        shards,
        workers,
        batchSize: 2,
        fields: named,
        splitName: `file://${module}`,
        worldSize: 2,
        rank: 1,
        indexDir: folder.path,
      });
      expect(half.samplesPerEpoch).toBe(1);
    }
  });
});

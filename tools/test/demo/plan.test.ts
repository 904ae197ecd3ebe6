import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../demo/datasets/data-set.ts';
import { parseOptions, UsageError, type DemoOptions } from '../../demo/options.ts';
import { planDemo, syntheticImages } from '../../demo/plan.ts';

/** What the parser made of a command line, and what it printed. */
function parse(...args: string[]): { options: DemoOptions | undefined; error: unknown; out: string; err: string } {
  let out = '';
  let err = '';
  const write = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
  try {
    return { options: parseOptions(args, write), error: undefined, out, err };
  } catch (error) {
    return { options: undefined, error, out, err };
  }
}

const options = (...args: string[]): DemoOptions => parse(...args).options!;
const split = (count: number): Split => ({ count, images: () => [] });
const dataSet = (train: number, test: number): DataSet => ({
  name: 'digits',
  description: '',
  classes: 10,
  height: 28,
  width: 28,
  channels: 1,
  train: split(train),
  test: split(test),
});

describe('the command line', () => {
  it('has the defaults of the demo', () => {
    expect(options()).toMatchObject({ dataset: 'digits', batchSize: 64, seed: 42, read: 'auto', keep: false, json: false });
  });

  it('takes every flag', () => {
    const args =
      '--dataset synthetic --shards 6 --images-per-shard 10 --size 32 --steps 5 --batch-size 4 --workers 0 --seed 7 --keep --json';
    expect(options(...args.split(' '))).toEqual({
      dataset: 'synthetic',
      shards: 6,
      imagesPerShard: 10,
      size: 32,
      steps: 5,
      batchSize: 4,
      workers: 0,
      seed: 7,
      read: 'auto',
      keep: true,
      json: true,
    });
  });

  it('explains itself with examples', () => {
    const { options: none, error, out } = parse('--help');
    expect([none, error]).toEqual([undefined, undefined]);
    for (const flag of ['dataset', 'shards', 'images-per-shard', 'size', 'steps', 'batch-size', 'workers', 'seed', 'keep', 'json']) {
      expect(out).toContain(`--${flag}`);
    }
    expect(out).toContain('Examples:');
  });

  it.each([
    { args: ['--dataset', 'imagenet'], says: 'digits, fashion-mnist, synthetic' },
    { args: ['--shards', '1'], says: 'whole number from 2' },
    { args: ['--shards', '1e3'], says: 'whole number' },
    { args: ['--steps', '-5'], says: 'whole number from 1' },
    { args: ['--steps', '0'], says: 'whole number from 1' },
    { args: ['--batch-size', 'many'], says: 'whole number' },
    { args: ['--seed', '99999999999'], says: 'whole number from 0 to 2147483647' },
    { args: ['--size', '64'], says: '--size is for --dataset synthetic' },
    { args: ['--shard', '4'], says: 'Did you mean --shards' },
    { args: ['digits'], says: 'too many arguments' },
  ])('refuses $args and says why', ({ args, says }) => {
    const { error, err } = parse(...args);
    expect(error).toBeInstanceOf(UsageError);
    expect(err).toContain(says);
  });
});

describe('the plan', () => {
  it('uses all training images when nothing is said, and always the whole test split', () => {
    expect(planDemo(options(), dataSet(8000, 2000))).toEqual({
      train: { images: 8000, shards: 16, imagesPerShard: 500 },
      test: { images: 2000, shards: 4, imagesPerShard: 500 },
      steps: 800,
      coldSteps: 100,
    });
    expect(planDemo(options('--dataset', 'fashion-mnist'), dataSet(60_000, 10_000))).toMatchObject({
      train: { images: 60_000, shards: 60 },
      test: { images: 10_000, shards: 10 },
    });
  });

  it('takes fewer images when asked to, and no more cold steps than warm ones', () => {
    expect(planDemo(options('--shards', '4', '--images-per-shard', '50', '--steps', '20'), dataSet(8000, 2000))).toEqual({
      train: { images: 200, shards: 4, imagesPerShard: 50 },
      test: { images: 2000, shards: 4, imagesPerShard: 500 },
      steps: 20,
      coldSteps: 20,
    });
  });

  it('refuses more images than there are, and a batch larger than the data set', () => {
    expect(() => planDemo(options('--shards', '40', '--images-per-shard', '500'), dataSet(8000, 2000))).toThrow(UsageError);
    expect(() => planDemo(options('--shards', '9000'), dataSet(8000, 2000))).toThrow(/more than the 8000 training images/);
    expect(() => planDemo(options('--shards', '2', '--images-per-shard', '10'), dataSet(8000, 2000))).toThrow(
      /--batch-size 64 is more than the 20/,
    );
    expect(() => syntheticImages(options('--dataset', 'synthetic', '--shards', '1000000', '--images-per-shard', '10000'))).toThrow(
      UsageError,
    );
  });

  it('leaves no shard empty, and gives both accounts shards of both splits', () => {
    const count = fc.integer({ min: 10, max: 100_000 });
    const flag = (name: string, least: number) =>
      fc
        .option(fc.integer({ min: least, max: 3000 }), { nil: undefined })
        .map((value) => (value === undefined ? [] : [name, String(value)]));
    fc.assert(
      fc.property(count, count, flag('--shards', 2), flag('--images-per-shard', 1), (train, test, shards, images) => {
        let plan;
        try {
          plan = planDemo(options('--batch-size', '1', ...shards, ...images), dataSet(train, test));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        expect(plan.test.images).toBe(test);
        for (const layout of [plan.train, plan.test]) {
          expect(layout.shards).toBeGreaterThanOrEqual(2);
          expect((layout.shards - 1) * layout.imagesPerShard).toBeLessThan(layout.images);
          expect(layout.shards * layout.imagesPerShard).toBeGreaterThanOrEqual(layout.images);
        }
      }),
    );
  });
});

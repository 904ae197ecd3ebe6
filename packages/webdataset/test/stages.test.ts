import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShuffledOrder } from '../src/order/shuffled-order.ts';
import { batch } from '../src/stages/batch.ts';
import { filter } from '../src/stages/filter.ts';
import { map } from '../src/stages/map.ts';
import { mix } from '../src/stages/mix.ts';
import { pipe } from '../src/stages/pipe.ts';
import { shuffle } from '../src/stages/shuffle.ts';
import { split } from '../src/stages/split.ts';
import type { Stage } from '../src/stages/stage.ts';
import { take } from '../src/stages/take.ts';
import { collect } from './support.ts';

const numbers = fc.array(fc.nat(20), { maxLength: 40 });

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return range(Math.ceil(items.length / size)).map((chunk) => items.slice(chunk * size, (chunk + 1) * size));
}

/** What leaves the loader's shuffle buffer, as an array. */
function shuffled(items: readonly number[], capacity: number, seed: number, epoch: number): number[] {
  const order = new ShuffledOrder<number>(capacity, { seed, epoch, rank: 0 });
  const leaving = [...items.map((item) => order.push(item)), ...items.map(() => order.pop())];
  return leaving.filter((item) => item !== undefined);
}

/** A stage and what it does to an array. */
interface Modelled {
  readonly stage: Stage<number, number>;
  readonly model: (items: readonly number[]) => number[];
}

const modelled: fc.Arbitrary<Modelled> = fc.oneof(
  fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 5 }), fc.boolean()).map(([add, concurrency, isAsync]) => ({
    stage: map<number, number>((item) => (isAsync ? Promise.resolve(item + add) : item + add), { concurrency }),
    model: (items: readonly number[]) => items.map((item) => item + add),
  })),
  fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()).map(([divisor, isAsync]) => ({
    stage: filter<number>((item) => (isAsync ? Promise.resolve(item % divisor === 0) : item % divisor === 0)),
    model: (items: readonly number[]) => items.filter((item) => item % divisor === 0),
  })),
  fc.nat(30).map((count) => ({ stage: take(count), model: (items: readonly number[]) => items.slice(0, count) })),
  fc.tuple(fc.nat(10), fc.nat(99), fc.nat(3)).map(([capacity, seed, epoch]) => ({
    stage: shuffle(capacity, { seed, epoch }),
    model: (items: readonly number[]) => shuffled(items, capacity, seed, epoch),
  })),
  fc.tuple(fc.nat(4), fc.integer({ min: 5, max: 6 })).map(([rank, worldSize]) => ({
    stage: split(rank, worldSize),
    model: (items: readonly number[]) => items.filter((_, index) => index % worldSize === rank),
  })),
);

async function* generated(items: readonly number[]): AsyncGenerator<number> {
  for (const item of items) yield await Promise.resolve(item);
}

describe('stages', () => {
  it('do what they say to arrays, generators and promises, in any composition', async () => {
    const kinds = fc.constantFrom(
      (items: number[]) => items,
      (items: number[]) => generated(items),
      (items: number[]) => items.map((item) => Promise.resolve(item)),
    );
    await fc.assert(
      fc.asyncProperty(numbers, kinds, fc.array(modelled, { maxLength: 5 }), async (items, kind, stages) => {
        const expected = stages.reduce((soFar, { model }) => model(soFar), items);
        const source = pipe(
          kind(items),
          filter(() => true),
        );
        expect(await collect(stages.reduce((soFar, { stage }) => stage(soFar), source))).toEqual(expected);
      }),
    );
  });

  it('can be iterated again when their source can', async () => {
    const items = pipe(range(20), shuffle(5, { seed: 1 }), take(7));
    expect(await collect(items)).toEqual(await collect(items));
  });
});

describe('map', () => {
  it('keeps the order whatever call ends first, with no more calls at a time than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(20), fc.integer({ min: 1, max: 6 }), async (scheduler, count, concurrency) => {
        let running = 0;
        let most = 0;
        const results = collect(
          pipe(
            range(count),
            map(
              async (item) => {
                most = Math.max(most, ++running);
                await scheduler.schedule(Promise.resolve());
                running--;
                return item * 2;
              },
              { concurrency },
            ),
          ),
        );
        await scheduler.waitFor(results);
        expect(await results).toEqual(range(count).map((item) => item * 2));
        expect(most).toBe(Math.min(count, concurrency));
      }),
    );
  });

  it('gives a result on while the source is still waited for', async () => {
    const never = new Promise<never>(() => undefined);
    async function* stalling(): AsyncGenerator<number> {
      yield 1;
      yield await never;
    }
    const iterator = map((item: number) => item * 10, { concurrency: 4 })(stalling())[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 10 });
  });

  it('starts no call after one has failed, and gives what came before it', async () => {
    const asked: number[] = [];
    const results: number[] = [];
    const items = pipe(
      range(100),
      map(
        async (item) => {
          asked.push(item);
          await Promise.resolve();
          if (item === 5) throw new Error('five');
          return item;
        },
        { concurrency: 3 },
      ),
    );
    await expect(async () => {
      for await (const item of items) results.push(item);
    }).rejects.toThrow('five');
    expect(results).toEqual([0, 1, 2, 3, 4]);
    expect(Math.max(...asked)).toBeLessThanOrEqual(5 + 2);
  });

  it('tells the calls under way that nobody wants them, and waits for them', async () => {
    const ended: number[] = [];
    const { promise: allBegan, resolve: tellAllBegan } = Promise.withResolvers<undefined>();
    const items = pipe(
      range(10),
      map(
        async (item, signal) => {
          if (item === 2) tellAllBegan(undefined);
          if (item === 0) await allBegan;
          else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          // Whoever is told takes a while to end.
          await new Promise((resolve) => setImmediate(resolve));
          ended.push(item);
          return item;
        },
        { concurrency: 3 },
      ),
    );
    for await (const item of items) {
      expect(item).toBe(0);
      break;
    }
    expect(ended).toEqual([0, 1, 2]);
  });
});

describe('map that is left while an item is being read', () => {
  it('makes no call with it', async () => {
    const { promise: second, resolve: giveSecond } = Promise.withResolvers<number>();
    const calls: number[] = [];
    async function* source(): AsyncGenerator<number> {
      yield 1;
      yield await second;
    }
    const items = map((item: number) => calls.push(item), { concurrency: 2 })(source());
    const iterator = items[Symbol.asyncIterator]();
    await iterator.next();
    const left = iterator.return?.();
    giveSecond(2);
    await left;
    expect(calls).toEqual([1]);
  });
});

describe('batch', () => {
  it('puts records together by field, with and without the last one', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, fc.integer({ min: 1, max: 12 }), fc.boolean(), async (items, size, partial) => {
        const rows = items.map((id) => ({ id, name: `n${id}` }));
        const expected = chunksOf(rows, size).filter((chunk) => partial || chunk.length === size);
        expect(await collect(pipe(rows, batch(size, { partial })))).toEqual(
          expected.map((chunk) => ({ id: chunk.map(({ id }) => id), name: chunk.map(({ name }) => name) })),
        );
        expect(await collect(pipe(items, batch(size)))).toEqual(chunksOf(items, size));
      }),
    );
  });

  it('keeps the arrays of a batch aligned when an item lacks a field', async () => {
    const rows: { a?: number; b?: string }[] = [{ a: 1 }, { b: 'x' }, { a: 3, b: 'y' }, {}];
    expect(await collect(pipe(rows, batch(4)))).toEqual([{ a: [1, undefined, 3, undefined], b: [undefined, 'x', 'y', undefined] }]);
  });

  it('takes fields as they are named, also as objects name what they inherit', async () => {
    const rows = [JSON.parse('{"__proto__": 1, "constructor": 2}') as { constructor: number }];
    const [collated] = await collect(pipe(rows, batch(1)));
    expect(Object.entries(collated!)).toEqual([
      ['__proto__', [1]],
      ['constructor', [2]],
    ]);
  });

  it.each([
    ['typed arrays', new Uint8Array(2)],
    ['arrays', [1, 2]],
    ['instances of classes', new URL('file:///')],
    ['null', null],
  ])('gives %s as an array', async (_, item) => {
    expect(await collect(pipe([item, item], batch(2)))).toEqual([[item, item]]);
  });
});

describe('split', () => {
  it('gives every item to exactly one rank, and equally many but for one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.integer({ min: 1, max: 7 }), async (count, worldSize) => {
        const shares = await Promise.all(range(worldSize).map((rank) => collect(pipe(range(count), split(rank, worldSize)))));
        expect(shares.flat().sort((a, b) => a - b)).toEqual(range(count));
        const lengths = shares.map(({ length }) => length);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('mix', () => {
  const sources = fc.array(fc.array(fc.nat(99), { maxLength: 8 }), { maxLength: 4 });

  it('takes from each source in turn', async () => {
    const labelled = [['a1', 'a2', 'a3', 'a4'], ['b1'], ['c1', 'c2']];
    expect(await collect(mix(labelled))).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
    expect(await collect(mix(labelled, { until: 'first' }))).toEqual(['a1', 'b1', 'c1', 'a2']);
  });

  it('gives each item of all sources once and in its own order, whatever the choice', async () => {
    const weighted = sources.chain((lists) =>
      fc.tuple(fc.constant(lists), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: lists.length, maxLength: lists.length })),
    );
    await fc.assert(
      fc.asyncProperty(weighted, fc.nat(9), fc.boolean(), async ([lists, weights], seed, inTurn) => {
        const labelled = lists.map((list, source) => list.map((item, place) => ({ source, place, item })));
        const mixed = await collect(mix(labelled, inTurn ? {} : { weights, seed }));
        expect(lists.map((_, wanted) => mixed.filter(({ source }) => source === wanted))).toEqual(labelled);
        expect(mixed).toHaveLength(lists.flat().length);
      }),
    );
  });

  it('chooses as often as the weights say, and the same for the same seed and epoch', async () => {
    const endless = (name: string) =>
      (function* () {
        for (;;) yield name;
      })();
    const draw = async (seed: number, epoch: number): Promise<string> => {
      const names = await collect(pipe(mix([endless('a'), endless('b'), endless('c')], { weights: [1, 2, 7], seed, epoch }), take(2000)));
      return names.join('');
    };
    const drawn = await draw(3, 0);
    const share = (name: string): number => drawn.split(name).length - 1;
    // Three standard deviations of the binomial distribution.
    expect(Math.abs(share('a') - 200)).toBeLessThan(41);
    expect(Math.abs(share('b') - 400)).toBeLessThan(54);
    expect(await draw(3, 0)).toBe(drawn);
    expect(await draw(4, 0)).not.toBe(drawn);
    expect(await draw(3, 1)).not.toBe(drawn);
  });

  it('with weights and `first` ends as soon as a chosen source has no more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(999), async (seed) => {
        const lists = [range(3).map(() => 'a'), range(30).map(() => 'b')];
        const options = { weights: [1, 1], seed };
        const all = await collect(mix(lists, options));
        const first = await collect(mix(lists, { ...options, until: 'first' }));
        // The same choices up to the end of the shorter one.
        expect(all.slice(0, first.length)).toEqual(first);
        const missing = lists.map((list) => list.length - first.filter((item) => item === list[0]).length);
        expect(missing).toContain(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('wrong options', () => {
  it.each([
    ['size must be an integer of at least 1, got 0', () => batch(0)],
    ['count must be an integer of at least 0, got -1', () => take(-1)],
    ['count must be an integer of at least 0, got NaN', () => take(NaN)],
    ['capacity must be an integer of at least 0, got 1.5', () => shuffle(1.5, { seed: 0 })],
    ['seed must be an integer of at least 0, got -1', () => shuffle(1, { seed: -1 })],
    ['concurrency must be an integer of at least 1, got 0', () => map((item) => item, { concurrency: 0 })],
    ['rank must be below worldSize (2), got 2', () => split(2, 2)],
    ['worldSize must be an integer of at least 1, got 0', () => split(0, 0)],
    ['there must be a weight for each of the 2 sources, got 1', () => mix([[1], [2]], { weights: [1] })],
    ['weights must be positive numbers, got 0', () => mix([[1], [2]], { weights: [1, 0] })],
  ])('%s', (message, build) => {
    expect(build).toThrow(new RangeError(message));
  });
});

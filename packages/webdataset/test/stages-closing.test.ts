import { describe, expect, it } from 'vitest';
import { abortable } from '../src/stages/abortable.ts';
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

/** Counts what is asked of it; its items are 0, 1, 2… */
class TrackedSource implements AsyncIterable<number> {
  reads = 0;
  closed = 0;
  readonly #length: number;
  readonly #endsWith: Error | undefined;

  constructor({ length = Infinity, endsWith }: { length?: number; endsWith?: Error } = {}) {
    this.#length = length;
    this.#endsWith = endsWith;
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    return {
      next: async () => {
        // Like a real source, it takes a while.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.reads < this.#length) return { done: false, value: this.reads++ };
        if (this.#endsWith !== undefined) throw this.#endsWith;
        return { done: true, value: undefined };
      },
      return: async () => {
        await Promise.resolve();
        this.closed++;
        return { done: true, value: undefined };
      },
    };
  }
}

/** Each stage, and how many items beyond those it has given it may have read. */
const stages: readonly (readonly [name: string, stage: () => Stage<number, unknown>, ahead: number])[] = [
  ['map', () => map((item) => item), 0],
  ['map of 4 at a time', () => map((item) => Promise.resolve(item), { concurrency: 4 }), 3],
  ['filter', () => filter((item) => item >= 0), 0],
  ['batch', () => batch(1), 0],
  ['shuffle', () => shuffle(3, { seed: 0 }), 3],
  ['take', () => take(100), 0],
  ['split', () => split(0, 1), 0],
  ['abortable', () => abortable(new AbortController().signal), 0],
  ['mix', () => (items) => mix([items]), 0],
  ['mix by weight', () => (items) => mix([items], { weights: [1] }), 0],
];

describe.each(stages)('%s', (name, stage, ahead) => {
  it('touches nothing before the first item is asked for', async () => {
    const source = new TrackedSource();
    const iterator = stage()(source)[Symbol.asyncIterator]();
    await iterator.return?.();
    expect(source).toMatchObject({ reads: 0, closed: 0 });
  });

  it('reads no further than it says, and closes its source when the consumer leaves', async () => {
    const source = new TrackedSource();
    const taken: unknown[] = [];
    for await (const item of stage()(source)) {
      if (taken.push(item) < 5) continue;
      // Whatever reads by itself would read on now.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      break;
    }
    expect(source.reads - taken.length).toBeLessThanOrEqual(ahead);
    expect(source.closed).toBe(1);
  });

  it('closes its source when the consumer throws', async () => {
    const source = new TrackedSource();
    await expect(async () => {
      for await (const item of stage()(source)) throw new Error(`consumer of ${String(item)}`);
    }).rejects.toThrow('consumer of');
    expect(source.closed).toBe(1);
  });

  it('does not close a source that has ended', async () => {
    const source = new TrackedSource({ length: 7 });
    expect(await collect(stage()(source))).toHaveLength(7);
    expect(source.closed).toBe(0);
  });

  it('gives the error of its source on, after the items before it', async () => {
    const failure = new Error('source');
    const source = new TrackedSource({ length: 7, endsWith: failure });
    const taken: unknown[] = [];
    const error: unknown = await (async () => {
      for await (const item of stage()(source)) taken.push(item);
    })().catch((reason: unknown) => reason);
    expect(error).toBe(failure);
    // What a shuffle still holds is lost.
    expect(taken).toHaveLength(name === 'shuffle' ? 4 : 7);
    expect(source.closed).toBe(0);
  });

  it('passes the leaving on through a whole pipe', async () => {
    const source = new TrackedSource();
    const items = pipe(source, stage() as Stage<number, number>, stage() as Stage<number, number>, take(3));
    await collect(items);
    expect(source.closed).toBe(1);
  });
});

describe('a function that throws', () => {
  const failing = (item: number): boolean => {
    if (item === 3) throw new Error('three');
    return true;
  };

  it.each([
    ['map', map(failing)],
    ['map of 4 at a time', map(failing, { concurrency: 4 })],
    ['map of 4 promises at a time', map(async (item: number) => Promise.resolve(item).then(failing), { concurrency: 4 })],
    ['filter', filter(failing)],
    ['filter of promises', filter(async (item: number) => Promise.resolve(item).then(failing))],
  ] as readonly (readonly [string, Stage<number, unknown>])[])('ends %s and closes its source', async (_, stage) => {
    const source = new TrackedSource();
    await expect(collect(stage(source))).rejects.toThrow('three');
    expect(source.closed).toBe(1);
  });
});

describe('the end of one source', () => {
  it('closes the others of a mix, and none twice', async () => {
    const endless = new TrackedSource();
    const short = new TrackedSource({ length: 2 });
    await collect(mix([endless, short], { until: 'first' }));
    expect([endless.closed, short.closed]).toEqual([1, 0]);
  });

  it('by an error closes the others of a mix', async () => {
    const endless = new TrackedSource();
    const broken = new TrackedSource({ length: 2, endsWith: new Error('broken') });
    await expect(collect(mix([endless, broken]))).rejects.toThrow('broken');
    expect([endless.closed, broken.closed]).toEqual([1, 0]);
  });
});

describe('take', () => {
  it('closes its source before it gives the last item on', async () => {
    const source = new TrackedSource();
    const iterator = take(2)(source)[Symbol.asyncIterator]();
    await iterator.next();
    expect(source).toMatchObject({ reads: 1, closed: 0 });
    await iterator.next();
    expect(source).toMatchObject({ reads: 2, closed: 1 });
  });

  it('of nothing leaves its source alone', async () => {
    const source = new TrackedSource();
    expect(await collect(take(0)(source))).toEqual([]);
    expect(source).toMatchObject({ reads: 0, closed: 0 });
  });
});

describe('an error while a source is closed', () => {
  const unclosable = (): AsyncIterable<number> => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: 1 }),
      return: () => Promise.reject(new Error('close')),
    }),
  });

  it.each(stages)('reaches the consumer of %s that leaves', async (_, stage) => {
    const iterator = stage()(unclosable())[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.return?.()).rejects.toThrow('close');
  });

  it.each([
    ['map', map(() => Promise.reject(new Error('first')))],
    ['filter', filter(() => Promise.reject(new Error('first')))],
    ['mix', (items) => mix([items, new TrackedSource({ length: 0, endsWith: new Error('first') })])],
  ] as readonly (readonly [string, Stage<number, unknown>])[])('does not hide the error that ended %s', async (_, stage) => {
    await expect(collect(stage(unclosable()))).rejects.toThrow('first');
  });
});

describe('abortable', () => {
  it('ends while its source is waited for, and closes that', async () => {
    const controller = new AbortController();
    let closed = 0;
    const stalled: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          closed++;
          return new Promise(() => undefined);
        },
      }),
    };
    const items = collect(pipe(stalled, abortable(controller.signal), map(String)));
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(items).rejects.toThrow('enough');
    expect(closed).toBe(1);
  });

  it('ends between items', async () => {
    const controller = new AbortController();
    const source = new TrackedSource();
    await expect(async () => {
      for await (const item of pipe(source, abortable(controller.signal))) if (item === 4) controller.abort(new Error('enough'));
    }).rejects.toThrow('enough');
    expect(source).toMatchObject({ reads: 5, closed: 1 });
  });
});

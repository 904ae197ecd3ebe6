import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetFingerprint } from '../src/order/fingerprint.ts';
import { Random } from '../src/order/random.ts';
import { ShuffledOrder, type ShuffledOrderState } from '../src/order/shuffled-order.ts';

const key = fc.record({ seed: fc.nat(Number.MAX_SAFE_INTEGER), epoch: fc.nat(0xffff_ffff), rank: fc.nat(1000) });

/** A walk over the references 0 to `count - 1`, one step a push or, after the last, a pop. */
class Walk {
  readonly out: number[] = [];
  readonly order: ShuffledOrder<number>;
  readonly count: number;
  next: number;

  constructor(order: ShuffledOrder<number>, count: number, next = 0) {
    this.order = order;
    this.count = count;
    this.next = next;
  }

  step(): boolean {
    const leaving = this.next < this.count ? this.order.push(this.next++) : this.order.pop();
    if (leaving !== undefined) this.out.push(leaving);
    return this.next < this.count || this.order.size > 0;
  }

  finish(): number[] {
    while (this.step());
    return this.out;
  }
}

describe('a shuffled order', () => {
  it('goes on from its state at any cuts, through JSON too, as if it had never stopped', () => {
    fc.assert(
      fc.property(
        key,
        fc.nat(60),
        fc.integer({ min: 1, max: 150 }),
        fc.array(fc.nat(300), { maxLength: 6 }),
        (whose, capacity, count, cuts) => {
          const expected = new Walk(new ShuffledOrder(capacity, whose), count).finish();
          expect([...expected].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
          let walk = new Walk(new ShuffledOrder<number>(capacity, whose), count);
          const out: number[] = [];
          for (const cut of cuts) {
            for (let step = 0; step < cut && walk.step(); step++);
            out.push(...walk.out);
            const state = JSON.parse(JSON.stringify(walk.order.state())) as ShuffledOrderState<number>;
            walk = new Walk(new ShuffledOrder(capacity, whose, state), count, walk.next);
          }
          expect([...out, ...walk.finish()]).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has clones that go their own way, and states that stay as they were taken', () => {
    fc.assert(
      fc.property(key, fc.nat(20), fc.nat(80), (whose, capacity, before) => {
        const walk = new Walk(new ShuffledOrder<number>(capacity, whose), 100);
        for (let step = 0; step < before; step++) walk.step();
        const taken = walk.order.state();
        const text = JSON.stringify(taken);
        const [one, two] = [walk.order.clone(), walk.order.clone()].map((order) => new Walk(order, 100, walk.next));
        const already = walk.out.length;
        const rest = walk.finish().slice(already);
        expect(one!.finish()).toEqual(rest);
        expect(two!.finish()).toEqual(rest);
        expect(JSON.stringify(taken)).toBe(text);
      }),
    );
  });

  it('leaves the state that it was restored from as it was', () => {
    const whose = { seed: 1, epoch: 0, rank: 0 };
    const walk = new Walk(new ShuffledOrder<number>(10, whose), 40);
    for (let step = 0; step < 15; step++) walk.step();
    const state = walk.order.state();
    const rest = (): number[] => new Walk(new ShuffledOrder(10, whose, state), 40, walk.next).finish();
    expect(rest()).toEqual(rest());
  });

  it('is another one for each rank', () => {
    const orders = [0, 1, 2, 3].map((rank) => new Walk(new ShuffledOrder(30, { seed: 1, epoch: 0, rank }), 60).finish().join());
    expect(new Set(orders).size).toBe(4);
  });

  it('may hold anything, undefined excepted', () => {
    const order = new ShuffledOrder<null>(1, { seed: 0, epoch: 0, rank: 0 });
    expect(order.push(null)).toBeUndefined();
    expect(order.push(null)).toBeNull();
    expect(order.pop()).toBeNull();
    expect(order.pop()).toBeUndefined();
  });

  it('refuses a capacity that is none, and a state that is too large for it', () => {
    const whose = { seed: 0, epoch: 0, rank: 0 };
    expect(() => new ShuffledOrder(-1, whose)).toThrow(/capacity/);
    expect(() => new ShuffledOrder(1.5, whose)).toThrow(/capacity/);
    expect(() => new ShuffledOrder(1, whose, { items: [1, 2], random: [1, 2, 3, 4] })).toThrow(/2 references, but the capacity is 1/);
  });
});

describe('random numbers', () => {
  // The numbers of these two are from an implementation of its own, in Python.
  it('have a stream for each rank', () => {
    const random = new Random(42, 7, 2, 3);
    expect(Array.from({ length: 4 }, () => random.uint32())).toEqual([2692233255, 3748081193, 3636888284, 1447035424]);
  });

  it('have a stream for each key', () => {
    const random = Random.forKey(42, 7, 'train/00000001');
    expect(Array.from({ length: 4 }, () => random.uint32())).toEqual([1666234307, 187391753, 2082853048, 2400680341]);
    const first = (...[seed, epoch, key]: [number, number, string]): number => Random.forKey(seed, epoch, key).uint32();
    expect(new Set([first(1, 0, 'a'), first(1, 0, 'b'), first(1, 1, 'a'), first(2, 0, 'a'), first(1, 0, '')]).size).toBe(5);
  });

  it('go on from their state, through JSON too', () => {
    fc.assert(
      fc.property(key, fc.nat(50), ({ seed, epoch, rank }, before) => {
        const random = new Random(seed, epoch, 5, rank);
        for (let draw = 0; draw < before; draw++) random.uint32();
        const state = random.state();
        for (const word of state) expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true);
        const restored = Random.restore(JSON.parse(JSON.stringify(state)) as typeof state);
        expect(Array.from({ length: 8 }, () => restored.uint32())).toEqual(Array.from({ length: 8 }, () => random.uint32()));
      }),
    );
  });

  it('have states of words without a sign, wherever the counter is', () => {
    const random = Random.restore([0xffff_ffff, 0x8000_0000, 0, 0x7fff_ffff]);
    for (let draw = 0; draw < 3; draw++) {
      for (const word of random.state()) expect(word).toBeGreaterThanOrEqual(0);
      random.uint32();
    }
  });

  it('lie evenly in the unit interval', () => {
    const random = new Random(9, 0, 0);
    const tenths = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 20_000; draw++) tenths[Math.floor(random.unit() * 10)]!++;
    // Chi-square with 9 degrees of freedom: 27.88 is exceeded once in a thousand; the seed is fixed.
    expect(tenths.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.88);
  });
});

describe('the fingerprint of a data set', () => {
  const shards = [
    { name: 'shard-000000.tar', size: 10_240 },
    { name: 'b"é.tar', size: 0 },
  ];

  const fingerprint = '3c6bc47fc2dac74aa7070d8e954064e5e507d8f0976dd91cc7a0c84d20e78827';

  it('is part of the contract: this is a known one', () => {
    expect(datasetFingerprint(shards)).toBe(fingerprint);
  });

  it('is the same wherever the shards lie', () => {
    expect(datasetFingerprint(shards.map(({ name, size }) => ({ name: `/mnt/somewhere/${name}`, size })))).toBe(fingerprint);
  });

  it('tells names, sizes, order and number apart', () => {
    const others = [
      [...shards].reverse(),
      shards.slice(0, 1),
      [...shards, ...shards],
      shards.map(({ name, size }) => ({ name, size: size + 1 })),
      shards.map(({ name, size }) => ({ name: `x${name}`, size })),
      [],
    ];
    expect(new Set([shards, ...others].map((list) => datasetFingerprint(list))).size).toBe(others.length + 1);
  });
});

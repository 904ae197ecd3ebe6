import { describe, expect, it } from 'vitest';
import { compare, median, ratioOf, ROUNDS } from '../bench/rounds.ts';

describe('side-by-side rounds', () => {
  it('take the middle value', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('compare what was measured in the same round, so that a machine that slows down changes nothing', () => {
    const series = (values: readonly number[]) => ({ name: '', values, median: median(values) });
    expect(ratioOf(series([200, 100, 50]), series([100, 50, 25]))).toBe(2);
  });

  it('give every contender each round in turns, and leave the warm-up out', async () => {
    const order: string[] = [];
    const contender = (name: string, rate: number) => ({
      name,
      measure: () => {
        order.push(name);
        // The first call of each is the warm-up.
        return Promise.resolve(order.filter((one) => one === name).length === 1 ? 0 : rate);
      },
    });
    const result = await compare([contender('a', 1), contender('b', 2)], () => undefined);
    expect(result.map(({ name, values, median: middle }) => [name, values.length, middle])).toEqual([
      ['a', ROUNDS, 1],
      ['b', ROUNDS, 2],
    ]);
    expect(order.slice(0, 6)).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
  });
});

/**
 * A sequence of whole numbers in `[0, bound)` that depends on nothing but the seed.
 *
 * Source: Mulberry32 by Tommy Ettinger (public domain).
 */
function seededIntegers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/** The items in an order that depends on nothing but the seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const below = seededIntegers(seed);
  return items
    .map((item) => ({ item, place: below(2 ** 32) }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}

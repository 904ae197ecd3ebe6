import { groupOrders } from './shard-order.ts';

/** What the order of shards depends on; see `OrderSettings`. */
export interface ShardOrderSettings {
  readonly seed: number;
  readonly epoch: number;
  readonly shuffle: boolean;
  readonly groups: readonly number[];
}

/** The shards of an epoch in canonical order, all of them once, as numbers in the list. The merge is lazy. */
export function* canonicalShards({ seed, epoch, shuffle, groups }: ShardOrderSettings): Generator<number, void, undefined> {
  const orders = shuffle ? groupOrders(groups, seed, epoch) : undefined;
  const starts = groupStarts(groups);
  const taken = groups.map(() => 0);
  for (const group of groupTurns(groups)) {
    const next = taken[group] ?? 0;
    taken[group] = next + 1;
    yield (starts[group] ?? 0) + (orders?.[group]?.[next] ?? next);
  }
}

/** The number of each group's first shard in the list. */
export function groupStarts(groups: readonly number[]): number[] {
  let start = 0;
  return groups.map((count) => (start += count) - count);
}

/**
 * Whose turn it is, shard by shard. After any number of turns every group has had its share of them, to less than one shard: the
 * algorithm of R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980), in whole numbers.
 */
export function* groupTurns(groups: readonly number[]): Generator<number, void, undefined> {
  const taken = groups.map(() => 0);
  const total = groups.reduce((sum, count) => sum + count, 0);
  const scale = Math.max(2, 2 * groups.length - 2);
  for (let turn = 1; turn <= total; turn++) {
    let next = 0;
    let nextDue = Infinity;
    for (const [group, count] of groups.entries()) {
      // What the group lacks of its share, in units of a shard / (total x scale).
      const lacking = scale * (count * turn - total * (taken[group] ?? 0));
      if (lacking < total || count === 0) continue;
      const due = ((scale - 1) * total - lacking) / count;
      if (due >= nextDue) continue;
      next = group;
      nextDue = due;
    }
    taken[next] = (taken[next] ?? 0) + 1;
    yield next;
  }
}

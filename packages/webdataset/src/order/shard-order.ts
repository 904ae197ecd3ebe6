import { Random } from './random.ts';
import { SHARD_STREAM } from './streams.ts';

/** The order in which an epoch visits `count` shards: a permutation of 0 to `count - 1` (Fisher-Yates). */
export function shardOrder(count: number, seed: number, epoch: number): number[] {
  return permutation(count, new Random(seed, epoch, SHARD_STREAM));
}

/** The order of each group's shards: one stream of random numbers serves them all, one group after the other. */
export function groupOrders(groups: readonly number[], seed: number, epoch: number): number[][] {
  const random = new Random(seed, epoch, SHARD_STREAM);
  return groups.map((count) => permutation(count, random));
}

function permutation(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const pick = random.below(last + 1);
    const moved = order[pick] ?? 0;
    order[pick] = order[last] ?? 0;
    order[last] = moved;
  }
  return order;
}

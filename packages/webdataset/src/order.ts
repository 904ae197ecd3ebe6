/** The former place of the order, for what still imports it from here. */
import { ShuffledOrder } from './order/shuffled-order.ts';
export { shardOrder } from './order/shard-order.ts';

/** The shuffle buffer of a run of one process. */
export class ShuffleBuffer<T> extends ShuffledOrder<T> {
  constructor(capacity: number, seed: number, epoch: number) {
    super(capacity, { seed, epoch, rank: 0 });
  }
}

import { atLeast } from '../at-least.ts';
import { ShuffledOrder } from '../order/shuffled-order.ts';
import { iterable, type Items, type PassingStage } from './stage.ts';

/** What the order of `shuffle` depends on, besides its source. */
export interface ShuffleOptions {
  readonly seed: number;
  /** Gives each epoch an order of its own. Default 0. */
  readonly epoch?: number;
}

/**
 * Mixes items in a buffer: once `capacity` are in it, each further one takes the place of a random one, which comes out; at the
 * end the rest comes out in random order. The same seed and epoch give the same order, in every process. Reads ahead, and keeps
 * in memory, `capacity` items; when the source fails, they are lost.
 *
 * Shuffle early, while items are small: of raw samples, a thousand are some megabytes; of decoded images, gigabytes.
 *
 * @param capacity 0 keeps the order
 * @param options what the order depends on
 */
export function shuffle(capacity: number, { seed, epoch = 0 }: ShuffleOptions): PassingStage {
  atLeast('capacity', capacity, 0);
  atLeast('seed', seed, 0);
  atLeast('epoch', epoch, 0);
  return <T>(items: Items<T>) =>
    iterable<T>(async function* () {
      const order = new ShuffledOrder<{ readonly item: T }>(capacity, { seed, epoch, rank: 0 });
      for await (const item of items) {
        const leaving = order.push({ item });
        if (leaving !== undefined) yield leaving.item;
      }
      for (let leaving = order.pop(); leaving !== undefined; leaving = order.pop()) yield leaving.item;
    });
}

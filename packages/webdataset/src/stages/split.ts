import { atLeast } from '../at-least.ts';
import { iterable, type Items, type PassingStage } from './stage.ts';

/**
 * The share of one of several readers of the same items: every `worldSize`-th item, beginning with item `rank`, as Python
 * webdataset's `split_by_node` and `split_by_worker` do. All shares together are all items, each once; their lengths differ by one
 * at most. Reads nothing ahead.
 *
 * Split the shards rather than their samples, so that each reader reads only its own: `samples` takes the shards that come out.
 * Shards differ in length, so ranks that must stay in step want `Loader` instead, whose ranks get equally many samples.
 *
 * @param rank 0 to `worldSize - 1`
 */
export function split(rank: number, worldSize: number): PassingStage {
  atLeast('worldSize', worldSize, 1);
  atLeast('rank', rank, 0);
  if (rank >= worldSize) throw new RangeError(`rank must be below worldSize (${worldSize}), got ${rank}`);
  return <T>(items: Items<T>) =>
    iterable<T>(async function* () {
      let number = 0;
      for await (const item of items) {
        if (number === rank) yield item;
        number = (number + 1) % worldSize;
      }
    });
}

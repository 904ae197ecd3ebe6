import { atLeast } from '../at-least.ts';
import { iterable, type Items, type PassingStage } from './stage.ts';

/**
 * The first `count` items. The source is closed as soon as the last of them was read, before it is given on; with 0 it is not
 * touched at all. Reads nothing ahead.
 *
 * @param count 0 or more; Infinity for all
 */
export function take(count: number): PassingStage {
  if (count !== Infinity) atLeast('count', count, 0);
  return <T>(items: Items<T>) =>
    iterable<T>(async function* () {
      if (count === 0) return;
      let taken = 0;
      let last: { readonly item: T } | undefined;
      for await (const item of items) {
        if (++taken === count) {
          last = { item };
          break;
        }
        yield item;
      }
      if (last !== undefined) yield last.item;
    });
}

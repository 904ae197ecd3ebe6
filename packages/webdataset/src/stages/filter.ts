import { iterable, type Stage } from './stage.ts';

/**
 * Lets items through for which a function says true. A type guard narrows the type of what follows. Reads nothing ahead.
 *
 * @param predicate may be asynchronous
 */
export function filter<In, Out extends In>(predicate: (item: In) => item is Out): Stage<In, Out>;
export function filter<In>(predicate: (item: In) => boolean | PromiseLike<boolean>): Stage<In, In>;
export function filter<In>(predicate: (item: In) => boolean | PromiseLike<boolean>): Stage<In, In> {
  return (items) =>
    iterable(async function* () {
      for await (const item of items) {
        if (await predicate(item)) yield item;
      }
    });
}

/** What `for await` takes: an asynchronous or ordinary iterable, promises in the latter being waited for. */
export type Items<T> = AsyncIterable<T> | Iterable<T | PromiseLike<T>>;

/**
 * A function from items to items: `filter(isGood)(items)`, or several in a row by `pipe`. It works on whatever `for await` takes:
 * arrays, generators, streams, and what other stages give. All stages keep these rules:
 *
 * - Nothing happens before the first item is asked for, and a stage asks its source only for what it needs to answer
 *   (each says how far it reads ahead). So a slow consumer slows the source, and memory stays bounded.
 * - The source is closed (its iterator's `return` is called, and waited for) when the consumer leaves the loop, when the stage
 *   has enough, and when something throws; but not when the source itself has ended or thrown, as in `for await`.
 * - An error of the source or of a function given to a stage reaches the consumer as it is, after the items before it.
 * - The result can be iterated again whenever the source can.
 */
export type Stage<In, Out> = (items: Items<In>) => AsyncIterable<Out>;

/** A {@link Stage} for items of every type, which it gives on as they are. */
export type PassingStage = <T>(items: Items<T>) => AsyncIterable<T>;

/** The result of a stage: each iteration runs `generate` anew. */
export function iterable<T>(generate: () => AsyncGenerator<T, void, undefined>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: generate };
}

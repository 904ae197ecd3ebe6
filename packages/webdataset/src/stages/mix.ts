import { atLeast } from '../at-least.ts';
import { Random } from '../order/random.ts';
import { MIX_STREAM } from '../order/streams.ts';
import { PulledSource } from './pulled-source.ts';
import { iterable, type Items } from './stage.ts';

/** How `mix` chooses the source of each item. */
export interface MixOptions {
  /** How often each source is chosen, relative to the others: positive numbers. Default: one after the other, in turn. */
  readonly weights?: readonly number[];
  /** Of the random choice by weight. Default 0. */
  readonly seed?: number;
  /** Gives each epoch a choice of its own. Default 0. */
  readonly epoch?: number;
  /**
   * `'all'`: until all sources have ended; one that ends earlier is no longer chosen. `'first'`: as soon as a source that is chosen
   * has no more, which keeps the proportions to the end (the default of Python webdataset). Default `'all'`.
   */
  readonly until?: 'all' | 'first';
}

/** What the items of a tuple of sources are. */
export type ItemOf<Source> = Source extends Items<infer T> ? T : never;

/**
 * One sequence of the items of several sources, each source's in its own order: in turn, or by a seeded random choice with
 * `weights`. Reads nothing ahead.
 *
 * @param sources each begins to be read when it is first chosen
 * @param options how the source of each item is chosen, and when all ends
 */
export function mix<Sources extends readonly Items<unknown>[]>(
  sources: Sources,
  options: MixOptions = {},
): AsyncIterable<ItemOf<Sources[number]>> {
  const { weights, seed = 0, epoch = 0, until = 'all' } = options;
  atLeast('seed', seed, 0);
  atLeast('epoch', epoch, 0);
  if (weights !== undefined) checkWeights(weights, sources.length);
  return iterable(async function* () {
    const random = new Random(seed, epoch, MIX_STREAM);
    const open = (sources as readonly Items<ItemOf<Sources[number]>>[]).map((items, index) => ({
      source: new PulledSource(items),
      weight: weights?.[index] ?? 1,
    }));
    let turn = 0;
    let failed = false;
    try {
      while (open.length > 0) {
        const choice = weights === undefined ? turn % open.length : pick(open, random);
        const item = await open[choice]?.source.next();
        if (item !== undefined) {
          yield item.value;
          turn = choice + 1;
        } else if (until === 'first') {
          return;
        } else {
          open.splice(choice, 1);
          turn = choice;
        }
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      const closed = open.map(({ source }) => source[Symbol.asyncDispose]());
      await Promise.allSettled(closed);
      if (!failed) await Promise.all(closed);
    }
  });
}

function checkWeights(weights: readonly number[], count: number): void {
  if (weights.length !== count) throw new RangeError(`there must be a weight for each of the ${count} sources, got ${weights.length}`);
  const wrong = weights.find((weight) => !(weight > 0 && weight < Infinity));
  if (wrong !== undefined) throw new RangeError(`weights must be positive numbers, got ${wrong}`);
}

/** A position in `choices`, each as likely as its weight is large. */
function pick(choices: readonly { readonly weight: number }[], random: Random): number {
  const total = choices.reduce((sum, { weight }) => sum + weight, 0);
  let rest = random.unit() * total;
  const chosen = choices.findIndex(({ weight }) => (rest -= weight) < 0);
  // Rounding can leave a rest beyond the last weight.
  return chosen < 0 ? choices.length - 1 : chosen;
}

import type { Items, Stage } from './stage.ts';

/**
 * Runs items through stages, one after the other: `pipe(source, map(f), filter(g), batch(32))`. Each stage's types follow from
 * the one before it.
 */
export function pipe<A, B>(source: Items<A>, b: Stage<A, B>): AsyncIterable<B>;
export function pipe<A, B, C>(source: Items<A>, b: Stage<A, B>, c: Stage<B, C>): AsyncIterable<C>;
export function pipe<A, B, C, D>(source: Items<A>, b: Stage<A, B>, c: Stage<B, C>, d: Stage<C, D>): AsyncIterable<D>;
export function pipe<A, B, C, D, E>(source: Items<A>, b: Stage<A, B>, c: Stage<B, C>, d: Stage<C, D>, e: Stage<D, E>): AsyncIterable<E>;
export function pipe<A, B, C, D, E, F>(
  source: Items<A>,
  b: Stage<A, B>,
  c: Stage<B, C>,
  d: Stage<C, D>,
  e: Stage<D, E>,
  f: Stage<E, F>,
): AsyncIterable<F>;
export function pipe<A, B, C, D, E, F, G>(
  source: Items<A>,
  b: Stage<A, B>,
  c: Stage<B, C>,
  d: Stage<C, D>,
  e: Stage<D, E>,
  f: Stage<E, F>,
  g: Stage<F, G>,
): AsyncIterable<G>;
export function pipe<A, B, C, D, E, F, G, H>(
  source: Items<A>,
  b: Stage<A, B>,
  c: Stage<B, C>,
  d: Stage<C, D>,
  e: Stage<D, E>,
  f: Stage<E, F>,
  g: Stage<F, G>,
  h: Stage<G, H>,
): AsyncIterable<H>;
export function pipe(source: Items<unknown>, ...stages: Stage<unknown, unknown>[]): Items<unknown> {
  return stages.reduce<Items<unknown>>((items, stage) => stage(items), source);
}

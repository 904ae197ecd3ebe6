import { describe, expectTypeOf, it } from 'vitest';
import { batch } from '../src/stages/batch.ts';
import { filter } from '../src/stages/filter.ts';
import { map } from '../src/stages/map.ts';
import { mix } from '../src/stages/mix.ts';
import { pipe } from '../src/stages/pipe.ts';
import { shuffle } from '../src/stages/shuffle.ts';
import { take } from '../src/stages/take.ts';

interface Labelled {
  readonly __key__: string;
  readonly jpg: Uint8Array;
  readonly cls: number | undefined;
}

const source: readonly Labelled[] = [];

describe('the types of a pipe', () => {
  it('follow from its source and its functions, without being written', () => {
    const batches = pipe(
      source,
      filter((sample) => sample.cls !== undefined),
      shuffle(10, { seed: 1 }),
      map(async ({ __key__, jpg }) => ({ __key__, length: await Promise.resolve(jpg.length) })),
      batch(4),
      take(10),
    );
    expectTypeOf(batches).toEqualTypeOf<AsyncIterable<{ __key__: string[]; length: number[] }>>();
  });

  it('narrow by a type guard', () => {
    const labelled = pipe(
      source,
      map(({ cls }) => cls),
      filter((cls) => cls !== undefined),
    );
    expectTypeOf(labelled).toEqualTypeOf<AsyncIterable<number>>();
    const objects = pipe(
      [1, 'a', null],
      filter((item): item is string => typeof item === 'string'),
      batch(2),
    );
    expectTypeOf(objects).toEqualTypeOf<AsyncIterable<string[]>>();
  });

  it('join what is mixed', () => {
    const names: string[] = [];
    const mixed = mix([
      names,
      source,
      (async function* () {
        yield await Promise.resolve(1);
      })(),
    ]);
    expectTypeOf(mixed).toEqualTypeOf<AsyncIterable<string | number | Labelled>>();
  });

  it('keep optional fields optional in a batch', () => {
    const rows: { a: number; b?: string }[] = [];
    expectTypeOf(pipe(rows, batch(2))).toEqualTypeOf<AsyncIterable<{ a: number[]; b?: (string | undefined)[] }>>();
  });
});

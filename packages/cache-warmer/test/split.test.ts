import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { split, type ManifestFile, type ManifestItem } from '../src/index.ts';
import { GROUP_FILES, ITEM_BYTES, LARGE_FILE_BYTES } from '../src/manifest/split.ts';

async function* from(sizes: readonly number[]): AsyncIterable<ManifestFile> {
  await Promise.resolve();
  for (const [index, size] of sizes.entries()) yield { path: String(index), size, mtimeMs: 0 };
}

async function splitAll(sizes: readonly number[], addresses?: number): Promise<ManifestItem[]> {
  const items: ManifestItem[] = [];
  for await (const item of split(from(sizes), addresses)) items.push(item);
  return items;
}

const sizes = fc.array(
  fc.oneof(fc.nat(5_000), fc.integer({ min: LARGE_FILE_BYTES - 2, max: LARGE_FILE_BYTES + 2 }), fc.nat(4 * ITEM_BYTES)),
  { maxLength: 30 },
);

describe('splitting', () => {
  it('puts every byte of every file into exactly one item, whatever the sizes', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (drawn) => {
        const items = await splitAll(drawn);
        const covered = drawn.map(() => [] as [number, number][]);
        for (const { files, range } of items) {
          expect(files.length).toBeLessThanOrEqual(range === undefined ? GROUP_FILES : 1);
          const bytes = range === undefined ? files.reduce((sum, { size }) => sum + size, 0) : range.end - range.start;
          expect(bytes).toBeLessThanOrEqual(ITEM_BYTES);
          for (const { path, size } of files) covered[Number(path)]?.push(range === undefined ? [0, size] : [range.start, range.end]);
        }
        for (const [file, ranges] of covered.entries()) {
          let at = 0;
          for (const [start, end] of ranges) {
            expect(start).toBe(at);
            at = end;
          }
          expect([ranges.length > 0, at]).toEqual([true, drawn[file]]);
        }
      }),
    );
  });

  it('makes groups of 200 small files that do not overlap', async () => {
    const items = await splitAll(Array.from({ length: 450 }, () => 1));
    expect(items.map(({ files }) => [files[0]?.path, files.at(-1)?.path])).toEqual([
      ['0', '199'],
      ['200', '399'],
      ['400', '449'],
    ]);
  });

  it('makes groups of at most 1500 MiB, so that items are alike', async () => {
    const items = await splitAll(Array.from({ length: 40 }, () => LARGE_FILE_BYTES - 1));
    expect(items.map(({ files }) => files.length)).toEqual([15, 15, 10]);
    expect(items.flatMap(({ files }) => files.map(({ path }) => Number(path)))).toEqual(Array.from({ length: 40 }, (_, index) => index));
  });

  it('reads files from 100 MiB on by ranges', async () => {
    const [item] = await splitAll([LARGE_FILE_BYTES]);
    expect(item?.range).toEqual({ start: 0, end: LARGE_FILE_BYTES });
  });

  it('cuts large files by ranges of 1500 MiB', async () => {
    const [small, first, second] = await splitAll([LARGE_FILE_BYTES - 1, ITEM_BYTES + 1]).then((items) =>
      items.toSorted((a, b) => (a.range?.start ?? -1) - (b.range?.start ?? -1)),
    );
    expect(small?.range).toBeUndefined();
    expect([first?.range, second?.range]).toEqual([
      { start: 0, end: ITEM_BYTES },
      { start: ITEM_BYTES, end: ITEM_BYTES + 1 },
    ]);
  });

  it('repeats every item for every address when each is to read everything', async () => {
    const items = await splitAll([1, 2 * ITEM_BYTES], 3);
    expect(items.map(({ range, address }) => [range?.start ?? 'group', address]).sort()).toEqual([
      ...[0, 1, 2].map((address) => [0, address]),
      ...[0, 1, 2].map((address) => [ITEM_BYTES, address]),
      ...[0, 1, 2].map((address) => ['group', address]),
    ]);
  });
});

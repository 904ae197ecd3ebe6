import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amountsOf, formatAmounts, parseAmounts, type ItemAmounts } from '../src/records/item-amounts.ts';
import { OutcomeSet, type Outcome } from '../src/records/outcome-set.ts';
import { unknownRanges } from '../src/records/unknown-ranges.ts';

const NOTHING: ItemAmounts = { files: 0, bytes: 0, failed: 0, addresses: [] };

const amounts: fc.Arbitrary<ItemAmounts> = fc.record({
  files: fc.nat(200),
  bytes: fc.nat(2 ** 31),
  failed: fc.nat(2),
  addresses: fc.uniqueArray(fc.record({ index: fc.nat(4), files: fc.nat(200), bytes: fc.nat(2 ** 31) }), {
    selector: ({ index }) => index,
  }),
});
/** Around the borders of bytes, blocks and larger ranges. */
const item = fc.oneof(fc.nat(40), fc.integer({ min: 985, max: 1015 }), fc.integer({ min: 9_990, max: 10_010 }), fc.nat(30_000));
const outcome = fc.constantFrom<Outcome>('done', 'failed');

describe('OutcomeSet', () => {
  it('is what a plain model of it is', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(outcome, item, amounts), { maxLength: 60 }), (records) => {
        const set = new OutcomeSet();
        const model = new Map<number, { outcome: Outcome; amounts: ItemAmounts }>();
        for (const [kind, number, read] of records) {
          const before = model.get(number);
          if (before?.outcome === 'done' || before?.outcome === kind) continue;
          if (before === undefined) set.add(kind, number, read);
          else set.becomesDone(number, before.amounts, read);
          model.set(number, { outcome: kind, amounts: read });
        }
        const all = [...model].sort(([left], [right]) => left - right);
        const sum = (of: (read: ItemAmounts) => number): number => all.reduce((total, [, { amounts: read }]) => total + of(read), 0);
        expect(set.count).toBe(model.size);
        expect(set.failed).toBe(all.filter(([, { outcome: kind }]) => kind === 'failed').length);
        expect(set.files).toBe(sum(({ files }) => files));
        expect(set.bytes).toBe(sum(({ bytes }) => bytes));
        expect([...set.flawed()]).toEqual(all.filter(([, { amounts: read }]) => read.failed > 0).map(([number]) => number));
        for (let index = 0; index < 5; index++) {
          const expected = {
            files: sum(({ addresses }) => addresses.find((address) => address.index === index)?.files ?? 0),
            bytes: sum(({ addresses }) => addresses.find((address) => address.index === index)?.bytes ?? 0),
          };
          expect(set.addresses[index] ?? { files: 0, bytes: 0 }).toEqual(expected);
        }
        for (const number of [...model.keys(), 5, 999, 1000]) expect(set.outcome(number)).toBe(model.get(number)?.outcome);
        expect([...set.missing(50)]).toEqual(Array.from({ length: 50 }, (_, number) => number).filter((number) => !model.has(number)));
        expect(set.countIn(1000, 2000)).toBe(all.filter(([number]) => number >= 1000 && number < 2000).length);
        expect(set.countIn(0, 10_000, 'failed')).toBe(
          all.filter(([number, { outcome: kind }]) => number < 10_000 && kind === 'failed').length,
        );
      }),
    );
  });

  it('takes ten million items', () => {
    const set = new OutcomeSet();
    set.add('done', 9_999_999, { ...NOTHING, failed: 1 });
    expect([...set.flawed()]).toEqual([9_999_999]);
    expect([...unknownRanges(set, 'done', 10_000_000)]).toEqual(['']);
  });
});

describe('unknownRanges', () => {
  it('covers each missing item once, and no block that is complete', () => {
    const block = fc.record({ block: fc.nat(24), kind: fc.constantFrom('full', 'half', 'few'), outcome });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24_500 }), fc.array(block, { maxLength: 25 }), outcome, (items, blocks, wanted) => {
        const set = new OutcomeSet();
        for (const { block: number, kind, outcome: as } of blocks) {
          const step = { full: 1, half: 2, few: 300 }[kind];
          for (let one = number * 1000; one < Math.min(items, (number + 1) * 1000); one += step)
            if (!set.has(one)) set.add(as, one, NOTHING);
        }
        const ranges = [...unknownRanges(set, wanted, items)];
        const covered = new Uint8Array(items);
        for (const digits of ranges) {
          const first = Number(digits.padEnd(9, '0'));
          const end = Math.min(items, first + 10 ** (9 - digits.length));
          for (let one = first; one < end; one++) covered[one]! += 1;
          expect(set.countIn(first, end)).toBeLessThan(end - first);
          expect(set.countIn(first, end, wanted)).toBeLessThanOrEqual(1000);
        }
        const wrong = covered.findIndex((times, one) => times > 1 || (times === 0 && !set.has(one)));
        expect(wrong, 'item that is in no range, or in several').toBe(-1);
      }),
      { numRuns: 30 },
    );
  });
});

describe('amounts', () => {
  const result = { files: 2, bytes: 30, seconds: 1.5, worker: 'w', failed: [{ path: 'a', reason: 'b' }] };

  it('come back from the metadata of a record', () => {
    const addresses = [
      { files: 0, bytes: 0 },
      { files: 2, bytes: 30 },
    ];
    const read = amountsOf({ ...result, addresses });
    expect(read).toEqual({ files: 2, bytes: 30, failed: 1, addresses: [{ index: 1, files: 2, bytes: 30 }] });
    expect(formatAmounts(read)).toEqual({ files: '2', bytes: '30', failed: '1', addresses: '[[1,2,30]]' });
    fc.assert(
      fc.property(amounts, (any) => {
        expect(parseAmounts(formatAmounts(any))).toEqual(any);
      }),
    );
  });

  it('of very many addresses are not in the metadata, which has 8 KiB', () => {
    const addresses = Array.from({ length: 1000 }, () => ({ files: 1, bytes: 1_000_000 }));
    const metadata = formatAmounts(amountsOf({ ...result, addresses }));
    expect(metadata).toEqual({ files: '2', bytes: '30', failed: '1' });
    expect(parseAmounts(metadata)).toBeUndefined();
  });

  it('are not read from what is none', () => {
    for (const addresses of ['[', '{}', '[[1,2]]', '[[1,2,-3]]', '']) {
      expect(parseAmounts({ files: '1', bytes: '1', failed: '0', addresses }), addresses).toBeUndefined();
    }
    expect(parseAmounts({ files: '-1', bytes: '1', failed: '0', addresses: '[]' })).toBeUndefined();
    expect(parseAmounts({})).toBeUndefined();
  });
});

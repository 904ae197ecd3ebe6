import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemRecords } from '../src/records/item-records.ts';
import type { ItemResult } from '../src/records/item-result.ts';
import { OutcomeSet } from '../src/records/outcome-set.ts';
import type { RecordEntry } from '../src/records/record-store.ts';
import { MemoryRecords } from '../src/testing/testing.ts';

const signal = new AbortController().signal;
const JOB = 'job-1';

/** Remembers what was asked for. */
class WatchedRecords extends MemoryRecords {
  readonly listed: string[] = [];
  readonly reads: string[] = [];

  override list(prefix: string, stop: AbortSignal): AsyncIterable<RecordEntry> {
    this.listed.push(prefix);
    return super.list(prefix, stop);
  }

  override read(...[name, options, stop]: Parameters<MemoryRecords['read']>): ReturnType<MemoryRecords['read']> {
    this.reads.push(name);
    return super.read(name, options, stop);
  }
}

async function make(): Promise<{ store: WatchedRecords; records: ItemRecords }> {
  const store = new WatchedRecords('cwrecords', Date.now);
  await store.create(signal);
  return { store, records: new ItemRecords(store) };
}

function result(change: Partial<ItemResult> = {}): ItemResult {
  return { files: 1, bytes: 10, seconds: 0.5, worker: 'w', addresses: [{ files: 1, bytes: 10 }], failed: [], ...change };
}

describe('ItemRecords', () => {
  it('keeps the first record of an outcome', async () => {
    const { records } = await make();
    expect(await records.outcome(JOB, 7, signal)).toBeUndefined();
    expect(await records.writeFailed(JOB, 7, result(), signal)).toBe('written');
    expect(await records.outcome(JOB, 7, signal)).toBe('failed');
    expect(await records.writeDone(JOB, 7, result({ bytes: 20 }), signal)).toBe('written');
    expect(await records.writeDone(JOB, 7, result({ bytes: 30 }), signal)).toBe('exists');
    expect(await records.outcome(JOB, 7, signal)).toBe('done');
    const known = new OutcomeSet();
    await records.scan(JOB, 10, known, signal);
    expect([known.count, known.failed, known.bytes]).toEqual([1, 0, 20]);
  });

  it('finds what plain records tell, however scans fall between the writes', async () => {
    const write = fc.record({
      item: fc.nat(12),
      outcome: fc.constantFrom('done' as const, 'failed' as const),
      bytes: fc.nat(1000),
      failed: fc.nat(1),
      isScanned: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 20 }), async (writes) => {
        const { records } = await make();
        const known = new OutcomeSet();
        const model = { done: new Map<number, ItemResult>(), failed: new Map<number, ItemResult>() };
        for (const { item, outcome, bytes, failed, isScanned } of writes) {
          const failures = Array.from({ length: failed }, () => ({ path: `${outcome}-${item}`, reason: 'r' }));
          const value = result({
            bytes,
            failed: failures,
            addresses: [
              { files: 0, bytes: 0 },
              { files: 1, bytes },
            ],
          });
          if (!model[outcome].has(item)) model[outcome].set(item, value);
          await (outcome === 'done' ? records.writeDone(JOB, item, value, signal) : records.writeFailed(JOB, item, value, signal));
          if (isScanned) await records.scan(JOB, 10, known, signal);
        }
        await records.scan(JOB, 10, known, signal);
        // Items from 10 on are of no concern.
        const counted = new Map([...model.failed, ...model.done].filter(([item]) => item < 10));
        const bytes = [...counted.values()].reduce((sum, value) => sum + value.bytes, 0);
        expect([known.count, known.files, known.bytes]).toEqual([counted.size, counted.size, bytes]);
        expect(known.failed).toBe([...counted.keys()].filter((item) => !model.done.has(item)).length);
        if (counted.size > 0) expect(known.addresses[1]).toEqual({ files: counted.size, bytes });
        const failures = [...counted].sort(([left], [right]) => left - right).flatMap(([, { failed }]) => failed);
        expect(await Array.fromAsync(records.failures(JOB, known, signal))).toEqual(failures);
      }),
    );
  });

  it('lists only where items are missing', async () => {
    const { store, records } = await make();
    const known = new OutcomeSet();
    const done = Array.from({ length: 3500 }, (_, item) => item).filter((item) => item !== 1500 && item < 3200);
    await Promise.all(done.map((item) => records.writeDone(JOB, item, result(), signal)));
    await records.scan(JOB, 3500, known, signal);
    expect(known.count).toBe(done.length);
    expect(store.listed).toEqual([`done/${JOB}/`, `failed/${JOB}/`]);

    store.listed.length = 0;
    await records.writeFailed(JOB, 1500, result({ bytes: 0 }), signal);
    await records.scan(JOB, 3500, known, signal);
    expect(store.listed.sort()).toEqual([`done/${JOB}/000001`, `done/${JOB}/000003`, `failed/${JOB}/`]);
    expect([known.count, known.failed]).toEqual([done.length + 1, 1]);

    store.listed.length = 0;
    await Promise.all(Array.from({ length: 300 }, (_, index) => records.writeDone(JOB, 3200 + index, result(), signal)));
    await records.scan(JOB, 3500, known, signal);
    expect(store.listed.sort()).toEqual([`done/${JOB}/000003`, `failed/${JOB}/`]);
    store.listed.length = 0;
    await records.scan(JOB, 3500, known, signal);
    expect(store.listed).toEqual([]);
    expect(store.reads).toEqual([]);
  });

  it('keeps jobs apart, and ignores what is no item', async () => {
    const { store, records } = await make();
    await records.writeDone('job-10', 1, result(), signal);
    for (const name of ['', 'x', '1', '00000000x', '0000000001']) await store.write(`done/${JOB}/${name}`, 'x', {}, signal);
    const known = new OutcomeSet();
    await records.scan(JOB, 100, known, signal);
    expect(known.count).toBe(0);
  });

  it('reads amounts that do not fit into metadata from the record', async () => {
    const { records } = await make();
    const addresses = Array.from({ length: 1000 }, (_, index) => ({ files: 1, bytes: 1_000_000 + index }));
    await records.writeDone(JOB, 0, result({ files: 1000, addresses }), signal);
    const known = new OutcomeSet();
    await records.scan(JOB, 1, known, signal);
    expect(known.addresses).toEqual(addresses);
  });

  it('reads only records that have failures', async () => {
    const { store, records } = await make();
    const failure = { path: 'big', reason: 'it is gone', range: { start: 5, end: 10 } };
    await records.writeDone(JOB, 0, result(), signal);
    await records.writeDone(JOB, 1, result({ failed: [failure] }), signal);
    await records.writeFailed(JOB, 2, result({ failed: [{ path: 'b', reason: 'r' }] }), signal);
    const known = new OutcomeSet();
    await records.scan(JOB, 3, known, signal);
    expect(await records.readFailed(JOB, 0, known, signal)).toEqual([]);
    expect(await records.readFailed(JOB, 1, known, signal)).toEqual([failure]);
    expect(await Array.fromAsync(records.failures(JOB, known, signal))).toEqual([failure, { path: 'b', reason: 'r' }]);
    expect(store.reads.filter((name) => name.endsWith('0'))).toEqual([]);
  });

  it('ends a scan at the first failure, and at an abort', async () => {
    const { store, records } = await make();
    await store.write(`done/${JOB}/000000003`, 'no result', {}, signal);
    const known = new OutcomeSet();
    await expect(records.scan(JOB, 10, known, signal)).rejects.toThrow(SyntaxError);
    const reason = new Error('enough');
    await expect(records.scan(JOB, 10, known, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

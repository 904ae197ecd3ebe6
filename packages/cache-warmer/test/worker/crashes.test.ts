import { describe, expect, it } from 'vitest';
import { ItemRecords } from '../../src/records/item-records.ts';
import { CrashPlan, crashingStorage } from '../../src/testing/testing.ts';
import { eventually, never, Rig } from './rig.ts';

const FILES = [10, 20];

/** Runs a worker until it is cut at a step, and then another one to the end. @returns how many steps the first one took. */
async function crashAt(step: number, when: 'before' | 'after', isPoison: boolean): Promise<number> {
  await using rig = await Rig.make();
  const files = [await rig.file('a', FILES[0]!), await rig.file('b', FILES[1]!)];
  if (isPoison) files[1] = { ...files[1]!, path: 'x'.repeat(300) };
  await rig.send({ files }, isPoison ? { failures: 4 } : {});

  const plan = new CrashPlan(step, when);
  const { work, workPoison, records } = crashingStorage(rig.storage, plan);
  const first = rig.start({ work, workPoison, items: new ItemRecords(records), concurrency: 1 });
  const isOver = async (): Promise<boolean> => plan.signal.aborted || (await rig.storage.work.approximateLength(never)) === 0;
  await eventually(async () => expect(await isOver()).toBe(true));
  await first.stop();

  rig.clock.pass(60_000);
  rig.start({ name: 'worker-2', concurrency: 1 });
  await rig.untilEmpty();
  const [done, failed] = [await rig.done(0), await rig.failed(0)];
  if (isPoison) {
    expect(done).toBeUndefined();
    expect(failed).toMatchObject({ files: 1, bytes: 10, failed: [{ path: 'x'.repeat(300) }] });
    expect(failed?.failed).toHaveLength(1);
    // The record comes first: who finds it says nothing more.
    expect((await rig.poison()).length).toBeLessThanOrEqual(1);
  } else {
    expect(failed).toBeUndefined();
    expect(done).toMatchObject({ files: 2, bytes: 30, addresses: [{ files: 2, bytes: 30 }], failed: [] });
    expect(await rig.poison()).toEqual([]);
  }
  return plan.steps;
}

describe.each([
  ['is read', false],
  ['is given up', true],
])('a worker that dies while an item %s', (_, isPoison) => {
  it('leaves it to the next one, whatever step it was at', async () => {
    const steps = await crashAt(Infinity, 'after', isPoison);
    expect(steps).toBeGreaterThanOrEqual(3);
    const cuts = Array.from({ length: steps }, (__, step) => [[step + 1, 'before'] as const, [step + 1, 'after'] as const]).flat();
    for (const [step, when] of cuts) {
      // Receiving is cut only after it, since that is when it has an effect.
      if (step === 1 && when === 'before') continue;
      await crashAt(step, when, isPoison);
    }
  });
});

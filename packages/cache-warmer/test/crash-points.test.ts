import { describe, expect, it } from 'vitest';
import { queueConformance, recordsConformance, Crash, CrashPlan, crashingStorage, memoryStorage } from '../src/testing/testing.ts';

const signal = new AbortController().signal;
const START = Date.UTC(2026, 0, 1);
const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };

async function make(plan: CrashPlan) {
  let now = START;
  const storage = memoryStorage('cw', () => now);
  await storage.create(signal);
  const missing = memoryStorage('missing', () => now);
  const pass = (seconds: number): void => void (now += seconds * 1000);
  return { storage, cut: crashingStorage(storage, plan), missing: crashingStorage(missing, plan), pass };
}

describe('without a cut', () => {
  const queueCases = queueConformance(async () => {
    const { cut, missing, pass } = await make(new CrashPlan(Infinity, 'before'));
    return { queue: cut.work, missing: missing.work, pass, ...nothing };
  });
  for (const { name, run } of queueCases) it(`the queue: ${name}`, run);

  const recordsCases = recordsConformance(async () => {
    const { cut, missing, pass } = await make(new CrashPlan(Infinity, 'after'));
    return { records: cut.records, missing: missing.records, pass, ...nothing };
  });
  for (const { name, run } of recordsCases) it(`the records: ${name}`, run);
});

/** A small protocol of eight steps. */
async function work({ work, records }: Awaited<ReturnType<typeof make>>['cut']): Promise<void> {
  await work.send('a', signal);
  await work.receive(1, 60, signal);
  await records.write('job', '1', {}, signal);
  const lease = await records.lease('job', 60, signal);
  await lease.renew(signal);
  expect(await records.exists('job', signal)).toBe(true);
  await lease.release(signal);
  await records.delete('job', signal);
  await work.send('b', signal);
}

describe('a cut', () => {
  it('counts the steps of all objects together, and receiving only when it gives something', async () => {
    const plan = new CrashPlan(Infinity, 'before');
    const { cut } = await make(plan);
    expect(await cut.work.receive(1, 1, signal)).toEqual([]);
    expect(plan.steps).toBe(0);
    await work(cut);
    expect(plan.steps).toBe(8);
    expect(plan.signal.aborted).toBe(false);
  });

  for (const when of ['before', 'after'] as const) {
    it(`${when} each step has the effects of the steps until there, and ends everything`, async () => {
      for (let step = 1; step <= 8; step++) {
        const plan = new CrashPlan(step, when);
        const made = await make(plan);
        await expect(work(made.cut)).rejects.toThrow(Crash);
        expect(plan.steps).toBe(step);
        expect(plan.signal.reason).toBeInstanceOf(Crash);
        const happened = when === 'after' ? step : step - 1;
        const { storage, cut } = made;
        expect(await storage.work.approximateLength(signal), `messages at ${step}`).toBe((happened >= 1 ? 1 : 0) + (happened >= 8 ? 1 : 0));
        expect(await storage.records.exists('job', signal), `record at ${step}`).toBe(happened >= 3 && happened < 7);
        await expect(cut.work.peek(1, signal)).rejects.toThrow(Crash);
        await expect(cut.work.receive(1, 1, signal)).rejects.toThrow(Crash);
        await expect(cut.jobs.send('x', signal)).rejects.toThrow(Crash);
        await expect(cut.records.read('job', {}, signal)).rejects.toThrow(Crash);
        await expect(Array.fromAsync(cut.records.list('', signal))).rejects.toThrow(Crash);
        expect(plan.steps).toBe(step);
      }
    });
  }

  it('ends calls that are under way', async () => {
    const plan = new CrashPlan(2, 'before');
    const { storage, cut } = await make(plan);
    const results = await Promise.allSettled([cut.work.send('a', signal), cut.work.send('b', signal)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await storage.work.approximateLength(signal)).toBe(1);
  });
});

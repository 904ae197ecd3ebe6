import { describe, expect, it, vi } from 'vitest';
import { awaitJob, JobRecords, parseWorkMessage, runManager } from '../../src/index.ts';
import { CrashPlan, crashingStorage, memoryStorage } from '../../src/testing/testing.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { managerOptions, runWithWorker, TestWorker, WarmedFolder } from './warmed-folder.ts';

const signal = new AbortController().signal;
/** Enough for several items, one of which is smaller than the others. */
const FILES = 450;

/** A manager that is cut at a step, then another one to the end, with a worker beside both. @returns the steps that the first one took. */
async function cutAndResume(folder: WarmedFolder, step: number, when: 'before' | 'after'): Promise<number> {
  using clock = new VirtualClock();
  const storage = memoryStorage('cw', () => clock.now());
  await storage.create(signal);
  const id = await storage.jobs.send(folder.job(), signal);
  const bad = await storage.jobs.send('no job', signal);
  const sent = vi.spyOn(storage.work, 'send');
  const worker = new TestWorker(storage, clock);
  const plan = new CrashPlan(step, when);
  await runWithWorker(managerOptions(crashingStorage(storage, plan), clock), worker, plan.signal);
  await runWithWorker(managerOptions(storage, clock), worker);

  const jobs = new JobRecords(storage.records);
  const report = await awaitJob(jobs, id, { clock, onProgress: () => undefined }, signal);
  const at = `cut ${when} step ${step}`;
  expect({ at, ...report }).toMatchObject({ at, state: 'warm', files: FILES, bytes: FILES, failedCount: 0 });
  expect({ at, taken: worker.taken.toSorted() }).toEqual({ at, taken: [0, 1, 2] });
  // A message too many is found out by its record, but only once that is there.
  const items = sent.mock.calls
    .filter((_, call) => sent.mock.settledResults[call]?.type === 'fulfilled')
    .map(([text]) => parseWorkMessage(text))
    .map((message) => (typeof message === 'string' ? message : message.item));
  expect({ at, items: items.toSorted() }).toEqual({ at, items: [0, 1, 2] });
  expect(await jobs.readReport(bad, signal)).toMatchObject({ state: 'rejected' });
  expect(await storage.jobPoison.approximateLength(signal)).toBeGreaterThan(0);
  for (const queue of [storage.jobs, storage.work]) expect({ at, left: await queue.approximateLength(signal) }).toEqual({ at, left: 0 });
  return plan.steps;
}

describe('a manager that dies', () => {
  it('at any step leaves a job that the next one brings to its end, with no item read twice', async () => {
    using folder = new WarmedFolder(FILES);
    const steps = await cutAndResume(folder, Infinity, 'after');
    expect(steps).toBeGreaterThan(15);
    for (let step = 1; step <= steps; step++) for (const when of ['before', 'after'] as const) await cutAndResume(folder, step, when);
  });

  it('of a stop hands its job back at once', async () => {
    using folder = new WarmedFolder(FILES);
    using clock = new VirtualClock();
    const storage = memoryStorage('cw', () => clock.now());
    await storage.create(signal);
    await storage.jobs.send(folder.job(), signal);
    const stop = new AbortController();
    const managing = runManager(managerOptions(storage, clock), stop.signal);
    while ((await storage.work.approximateLength(signal)) < 3) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('stopped'));
    await expect(managing).rejects.toThrow('stopped');
    expect(await storage.jobs.peek(1, signal)).toHaveLength(1);
  });
});

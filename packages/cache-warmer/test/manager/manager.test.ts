import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  awaitJob,
  fileStates,
  ItemRecords,
  JobRecords,
  runManager,
  type CacheWarmerStorage,
  type JobReport,
  type Launcher,
} from '../../src/index.ts';
import { memoryStorage } from '../../src/testing/testing.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { managerOptions, runWithWorker, TestWorker, WarmedFolder } from './warmed-folder.ts';

const signal = new AbortController().signal;
let clock: VirtualClock;
let storage: CacheWarmerStorage;

beforeEach(async () => {
  clock = new VirtualClock();
  storage = memoryStorage('cw', () => clock.now());
  await storage.create(signal);
});
afterEach(() => clock[Symbol.dispose]());

async function reportOf(id: string): Promise<JobReport> {
  return awaitJob(new JobRecords(storage.records), id, { clock, onProgress: () => undefined }, signal);
}

describe('a manager', () => {
  it('brings a job from its message to its report', async () => {
    using folder = new WarmedFolder(450, 10);
    const id = await storage.jobs.send(folder.job({ ExclusionList: ['?'] }), signal);
    const worker = new TestWorker(storage, clock);
    const options = managerOptions(storage, clock);
    await runWithWorker(options, worker);
    const report = await reportOf(id);
    expect(report).toMatchObject({
      version: 1,
      job: id,
      state: 'warm',
      files: 440,
      bytes: 4_400,
      skipped: { exclusion: 10, inclusion: 0 },
      failed: [],
      failedCount: 0,
    });
    expect(Object.values(report.addresses)).toEqual([{ files: 440, bytes: 4_400 }]);
    expect(worker.taken.toSorted()).toEqual([0, 1, 2]);
    expect(await storage.jobs.approximateLength(signal)).toBe(0);
    expect((await storage.records.read(`reports/${id}.txt`, {}, signal))?.body.toString()).toContain('440 files, 4.3 KiB');
    expect(options.events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['job-taken', 'job-queued', 'job-progress', 'job-ended']),
    );
    const files = [];
    for await (const file of fileStates(storage.records, new ItemRecords(storage.records), id, signal)) files.push(file);
    expect(files).toHaveLength(440);
    expect(files.every(({ state }) => state === 'warm')).toBe(true);
  });

  it('ends at once where there is nothing to warm', async () => {
    using folder = new WarmedFolder(3);
    const id = await storage.jobs.send(folder.job({ InclusionList: ['nothing'] }), signal);
    await runManager(managerOptions(storage, clock), signal);
    expect(await reportOf(id)).toMatchObject({ state: 'warm', files: 0, bytes: 0, skipped: { inclusion: 3 } });
  });

  it('sends bad messages to the poison queue with the reason, and does the good ones between them', async () => {
    using folder = new WarmedFolder(2);
    const messages = ['no job', folder.job(), '{"WarmTargetPath":"x"}', folder.job({ WarmTargetPath: '/missing' }), folder.job()];
    const ids: string[] = [];
    for (const message of messages) ids.push(await storage.jobs.send(message, signal));
    await runWithWorker(managerOptions(storage, clock), new TestWorker(storage, clock));
    const reports = await Promise.all(ids.map(reportOf));
    expect(reports.map(({ state }) => state)).toEqual(['rejected', 'warm', 'rejected', 'rejected', 'warm']);
    const poison = (await storage.jobPoison.peek(32, signal)).map(
      ({ text }) => JSON.parse(text) as { reason: string; job: string; message: string },
    );
    expect(poison.map(({ message }) => message).sort()).toEqual([messages[0], messages[2], messages[3]].sort());
    const reason = (index: number): string => poison.find(({ job }) => job === ids[index])?.reason ?? '';
    expect(reason(0)).toContain('neither JSON nor base64');
    expect(reason(2)).toContain('WarmTargetMountAddresses: is missing');
    expect(reason(3)).toContain('there is no');
    expect(reports[3]?.failed[0]?.reason).toContain('cannot be walked');
    expect(await storage.jobs.approximateLength(signal)).toBe(0);
  });

  it('sends lost messages again when the work queue is empty', async () => {
    using folder = new WarmedFolder(450);
    const id = await storage.jobs.send(folder.job(), signal);
    // Somebody clears the queue before a worker is there.
    const options = managerOptions(storage, clock);
    let cleared = 0;
    const clearing = {
      ...options,
      onEvent: (event: Parameters<typeof options.onEvent>[0]) => {
        if (event.kind !== 'job-queued') return;
        void (async () => {
          for (const message of await storage.work.receive(32, 60, signal)) {
            await storage.work.delete(message, signal);
            cleared += 1;
          }
        })();
      },
    };
    const worker = new TestWorker(storage, clock);
    const stop = new AbortController();
    const managing = runManager(clearing, signal);
    while (cleared < 3) await new Promise((resolve) => setImmediate(resolve));
    const working = worker.work(stop.signal);
    await managing;
    stop.abort();
    await working;
    expect(await reportOf(id)).toMatchObject({ state: 'warm', files: 450 });
    expect(worker.taken.toSorted()).toEqual([0, 1, 2]);
  });

  it('counts what failed, and says so', async () => {
    using folder = new WarmedFolder(450);
    const id = await storage.jobs.send(folder.job(), signal);
    const items = new ItemRecords(storage.records);
    const failed = [{ path: '0/1', reason: 'EIO' }];
    await items.writeFailed(
      id,
      1,
      { files: 199, bytes: 199, seconds: 1, worker: 'w', addresses: [{ files: 199, bytes: 199 }], failed },
      signal,
    );
    const worker = new TestWorker(storage, clock);
    await runWithWorker(managerOptions(storage, clock), worker);
    expect(await reportOf(id)).toMatchObject({ state: 'incomplete', files: 449, bytes: 449, failed, failedCount: 1 });
    expect(worker.taken.toSorted()).toEqual([0, 2]);
  });

  it('is one of several: a job that another one holds is left to it, and taken over when that ends', async () => {
    using folder = new WarmedFolder(450);
    const id = await storage.jobs.send(folder.job(), signal);
    const first = new AbortController();
    const firstManager = runManager(managerOptions(storage, clock), first.signal).catch((error: unknown) => error);
    const secondOptions = managerOptions(storage, clock);
    const second = runManager(secondOptions, signal);
    while ((await storage.work.approximateLength(signal)) < 3) await new Promise((resolve) => setImmediate(resolve));
    first.abort(new Error('stopped'));
    expect(await firstManager).toMatchObject({ message: 'stopped' });
    const worker = new TestWorker(storage, clock);
    const stop = new AbortController();
    const working = worker.work(stop.signal);
    await second;
    stop.abort();
    await working;
    expect(await reportOf(id)).toMatchObject({ state: 'warm', files: 450 });
    expect(worker.taken.toSorted()).toEqual([0, 1, 2]);
    expect(secondOptions.events).toContainEqual({ kind: 'job-taken', job: id, resumed: true });
  });

  it('gives a job up when it has used its instance hours, with all that was not read', async () => {
    using folder = new WarmedFolder(450);
    const id = await storage.jobs.send(folder.job(), signal);
    let live = 0;
    const launcher: Launcher = {
      instances: () =>
        Promise.resolve(Array.from({ length: live }, (_, index) => ({ name: `vm${index}`, startedAt: new Date(clock.now()) }))),
      start: (count) => Promise.resolve(void (live += count)),
      stop: (names) => Promise.resolve(void (live -= names.length)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    await runManager({ ...managerOptions(storage, clock), launcher, maxInstanceHours: 0.1 }, signal);
    const report = await reportOf(id);
    expect(report).toMatchObject({ state: 'incomplete', files: 0, failedCount: 450 });
    expect(report.failed[0]?.reason).toContain('0.1 instance hours');
    expect(report.instanceHours).toBeGreaterThanOrEqual(0.1);
    expect(live).toBe(0);
  });

  it('fails at once without its queues', async () => {
    const missing = memoryStorage('none', () => clock.now());
    await expect(runManager(managerOptions(missing, clock), signal)).rejects.toMatchObject({ code: 'QUEUE_MISSING' });
  });
});

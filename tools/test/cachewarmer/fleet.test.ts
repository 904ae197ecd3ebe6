import { FakeImds } from '@warpforge/cache-warmer/testing';
import { openStorage } from '@warpforge/cache-warmer';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { describe, expect, it, vi } from 'vitest';
import type { RunningProgram } from '../infra/running-program.ts';
import { FleetTest, lastLine } from './fleet.ts';

// Many processes on few cores.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** `npm run stress -- fleet` has the tree of the size that fleets are for. */
const isLong = process.env['WARPFORGE_LONG_TESTS'] !== undefined;
const SMALL_FILES = isLong ? 50_000 : 3_000;
/** Above the 1500 MiB of a range. */
const LARGE_BYTES = isLong ? 5_000_000_000 : 1_700_000_000;
const LARGE_FILES = isLong ? 3 : 1;
const MEBIBYTE = 1024 * 1024;

const SHAPE = {
  folders: [
    { name: 'small', files: SMALL_FILES, size: 3_000 },
    { name: 'empty', files: 10, size: 0 },
    { name: 'large', files: LARGE_FILES, size: LARGE_BYTES },
  ],
};
const FILES = SMALL_FILES + 10 + LARGE_FILES;
const BYTES = SMALL_FILES * 3_000 + LARGE_FILES * LARGE_BYTES;

const signal = new AbortController().signal;

describe.skipIf(!fuseAvailability().ok)('a fleet', () => {
  it('without faults reads every byte exactly once, spread evenly, and ends by itself', async () => {
    await using fleet = await FleetTest.start(SHAPE, [{}, {}]);
    await using submit = fleet.submit(fleet.job());
    await submit.printed('"job"');
    await using manager = fleet.start(['manager', '--launcher', 'local', '--workers', '2', '--once']);
    const [{ code, stdout }, ended] = await Promise.all([submit.end, manager.end]);
    expect({ code, manager: ended.code }, ended.stderr).toEqual({ code: 0, manager: 0 });
    const report = lastLine(stdout);
    expect(report).toMatchObject({ state: 'warm', files: FILES, bytes: BYTES, failed: [], failedCount: 0 });
    const addresses = Object.values(report['addresses'] as Record<string, { files: number; bytes: number }>);
    expect(addresses.map(({ files }) => files).reduce((a, b) => a + b)).toBe(FILES);
    for (const { files } of addresses) expect(files).toBeGreaterThan(FILES * 0.4);
    const id = String(report['job']);
    const [all, files, unknown] = await Promise.all([
      fleet.start(['status', '--json']).end,
      fleet.start(['status', '--job', id, '--files']).end,
      fleet.start(['status', '--job', 'nobody']).end,
    ]);
    expect(JSON.parse(all.stdout)).toMatchObject({ jobs: [{ job: id, state: 'warm' }], queues: { cwjob: 0, cwwork: 0 }, workers: [] });
    const lines = files.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(FILES + LARGE_FILES * (Math.ceil(LARGE_BYTES / (1500 * MEBIBYTE)) - 1));
    expect(lines.every((line) => line.startsWith('warm '))).toBe(true);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no manager has taken on a job nobody') as string });
    expect(await fleet.counts()).toEqual({ files: FILES, bytes: BYTES, served: BYTES, distinct: BYTES, missed: [], opened: FILES });
  });

  it('misses nothing, and reads little twice, when workers are killed, paused and preempted and an address fails', async () => {
    await using fleet = await FleetTest.start(SHAPE, [{}, { fails: true }, {}]);
    await using storage = new AsyncDisposableStack();
    const queues = await openStorage({ prefix: 'cw', connectionString: fleet.environment['AZURE_STORAGE_CONNECTION_STRING'] ?? '' });
    await queues.create(signal);
    // Poison between the good ones.
    await queues.jobs.send('no job', signal);
    await using all = fleet.submit(fleet.job());
    await all.printed('"job"');
    await queues.jobs.send('{"WarmTargetPath":"/"}', signal);
    await using manager = fleet.start(['manager', '--launcher', 'none', '--once']);

    const bandwidth = 40 * MEBIBYTE;
    const start = (name: string, imds = 'off'): RunningProgram =>
      storage.use(fleet.start(['worker', '--name', name, '--bandwidth', String(bandwidth), '--imds', imds]));
    const evicting = storage.use(await FakeImds.start('evicted'));
    const killed = (isLong ? [1, 2] : [1]).map((number) => start(`killed-${number}`));
    const paused = start('paused');
    const preempted = start('preempted', evicting.base);
    const steady = (isLong ? [1, 2, 3, 4] : [1]).map((number) => start(`steady-${number}`));
    await vi.waitFor(async () => expect((await fleet.counts()).served).toBeGreaterThan(BYTES / 10), { timeout: 200_000, interval: 500 });
    for (const worker of killed) worker.kill('SIGKILL');
    paused.kill('SIGSTOP');
    evicting.preempt('evicted');
    // As a scale set does.
    const refilled = killed.map((_, number) => start(`refilled-${number}`));
    expect((await preempted.end).code).toBe(0);
    await vi.waitFor(async () => expect((await fleet.counts()).served).toBeGreaterThan(BYTES / 3), { timeout: 200_000, interval: 500 });
    paused.kill('SIGCONT');

    const [{ code, stdout }, managed] = await Promise.all([all.end, manager.end]);
    expect({ code, manager: managed.code }, managed.stderr).toEqual({ code: 0, manager: 0 });
    expect(lastLine(stdout)).toMatchObject({ state: 'warm', files: FILES, bytes: BYTES, failedCount: 0 });
    for (const worker of [paused, ...steady, ...refilled]) {
      worker.kill('SIGTERM');
      expect((await worker.end).code).toBe(0);
    }
    const counts = await fleet.counts();
    expect(counts).toMatchObject({ distinct: BYTES, missed: [] });
    // Of each worker that did not hand its work back: what it can have read since its last renewal, which comes every two seconds, and is late
    // when the machine is busy; and what was on its way.
    const interrupted = killed.length + 1;
    expect(counts.served - BYTES).toBeLessThanOrEqual(interrupted * (bandwidth * 4 + 16 * MEBIBYTE));
    expect(await queues.jobPoison.approximateLength(signal)).toBe(2);
    for (const queue of [queues.jobs, queues.work]) expect(await queue.approximateLength(signal)).toBe(0);
  });

  it('says what is not warm, with exit code 1', async () => {
    await using fleet = await FleetTest.start({ folders: [{ name: 'a', files: 3, size: 10 }] }, [{}]);
    await using submit = fleet.submit(fleet.job('/missing'));
    await submit.printed('"job"');
    await using manager = fleet.start(['manager', '--launcher', 'none', '--once']);
    const { code, stdout } = await submit.end;
    expect(code).toBe(1);
    expect(lastLine(stdout)).toMatchObject({ state: 'rejected', files: 0, bytes: 0, failedCount: 1 });
    expect(stdout).toContain('/missing: check the export path and the target path of the job');
    expect((await manager.end).code).toBe(0);
  });
});

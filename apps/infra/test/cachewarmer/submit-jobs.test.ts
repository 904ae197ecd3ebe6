import { startAzurite } from '@warpforge/blob-backend/testing';
import { JobRecords, openStorage, type CacheWarmerStorage, type JobProgress, type JobReport } from '@warpforge/cache-warmer';
import { memoryStorage } from '@warpforge/cache-warmer/testing';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseJobList } from '../../src/cachewarmer/job-list.ts';
import { sendJobs } from '../../src/cachewarmer/send-jobs.ts';
import { waitForJobs } from '../../src/cachewarmer/wait-for-jobs.ts';
import { Interrupted } from '../../src/interrupt.ts';
import { warpforgeInfra, type Ended } from '../program.ts';

const owned = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'warpforge-submit-'));
const jobs = join(folder, 'jobs.yaml');
const signal = new AbortController().signal;
let storage: CacheWarmerStorage;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  owned.defer(() => rmSync(folder, { recursive: true }));
  const azurite = owned.use(await startAzurite({ accounts: [{ name: 'queues' }], queues: true }));
  const connectionString = azurite.accounts[0]?.connectionString ?? '';
  storage = await openStorage({ prefix: 'cw', connectionString });
  env = { AZURE_STORAGE_CONNECTION_STRING: connectionString };
  writeFileSync(jobs, 'WarmTargetMountAddresses: [10.0.1.11]\nWarmTargets: { /animation: [/scene1, /scene2] }\n');
});

afterAll(() => owned.disposeAsync());

const submitJobs = (...args: string[]): Promise<Ended> => warpforgeInfra(['cachewarmer', 'submit-jobs', ...args], { env });

async function emptyStorage(): Promise<CacheWarmerStorage> {
  const memory = memoryStorage('cw', Date.now);
  await memory.create(signal);
  return memory;
}

function report(job: string, state: JobReport['state'], failedCount = 0): JobReport {
  const at = new Date(0).toISOString();
  return {
    ...{ version: 1, job, state, target: `target of ${job}`, submittedAt: at, startedAt: at, endedAt: at, seconds: 1, files: 2, bytes: 10 },
    ...{ bytesPerSecond: 10, addresses: {}, skipped: { inclusion: 0, exclusion: 0, size: 0, links: 0, special: 0 } },
    ...{ failed: [], failedCount, instanceHours: 0 },
  };
}

function progress(changes: Partial<JobProgress>): JobProgress {
  const counts = { files: 4, bytes: 1024, items: 4, doneItems: 1, doneBytes: 256, failedItems: 0, sent: 4, sending: 4, instanceSeconds: 0 };
  return { version: 1, phase: 'warming', startedAt: new Date(Date.now() - 60_000).toISOString(), ...counts, ...changes };
}

/** Takes the jobs that come, and ends each with the next of some states. */
async function manage(states: readonly JobReport['state'][]): Promise<string[]> {
  const records = new JobRecords(storage.records);
  const texts: string[] = [];
  const left = [...states];
  while (left.length > 0) {
    const received = await vi.waitUntil(async () => {
      const [message] = await storage.jobs.receive(1, 30, signal).catch(() => []);
      return message;
    }, 30_000);
    texts.push(received.text);
    await storage.jobs.delete(received, signal);
    const state = left.shift() ?? 'warm';
    await records.publishReport(report(received.id, state, state === 'warm' ? 0 : 3), signal);
  }
  return texts;
}

describe('cachewarmer submit-jobs', () => {
  it('sends every job, waits for all of them, and ends with 1 and a list where one is not warm', async () => {
    const [{ status, stdout, stderr }, texts] = await Promise.all([submitJobs('--file', jobs, '--wait'), manage(['warm', 'incomplete'])]);
    expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
      ['/scene1', '/scene2'].map(
        (path) => expect.objectContaining({ WarmTargetExportPath: '/animation', WarmTargetPath: path }) as unknown,
      ),
    );
    const [first = '', second = '', queue, ...summaries] = stdout.split('\n');
    expect(first).toMatch(/^[0-9a-f-]{36} {2}\/animation\/scene1 through 10\.0\.1\.11$/);
    expect(queue).toBe('2 jobs on the queue cwjob.');
    const [id1, id2] = [first, second].map((line) => line.slice(0, 36));
    expect(summaries.filter((line) => line.startsWith('target'))).toEqual([
      `target of ${id1}: warm`,
      `target of ${id2}: INCOMPLETE, 3 not warm`,
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain(`1 of 2 jobs did not get warm:\n  ${id2}  target of ${id2}: incomplete, 3 failed`);
  });

  it('prints ids and reports as JSON, a line each, and ends with 0 when all is warm', async () => {
    const [{ status, stdout }] = await Promise.all([submitJobs('--file', jobs, '--wait', '--json'), manage(['warm', 'warm'])]);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { job: string; target: string; state?: string });
    expect(lines.map(({ state }) => state)).toEqual([undefined, undefined, 'warm', 'warm']);
    expect(lines.slice(2).map(({ job }) => job)).toEqual(lines.slice(0, 2).map(({ job }) => job));
    expect(status).toBe(0);
  });

  it('sends nothing while one of them is not valid', async () => {
    const broken = join(folder, 'broken.yaml');
    writeFileSync(broken, `- ${JSON.stringify({ WarmTargetBackend: 'b' })}\n- {}\n`);
    const { status, stdout, stderr } = await submitJobs('--file', broken);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('job 2: WarmTargetMountAddresses: is missing');
    expect(await storage.jobs.approximateLength(signal)).toBe(0);
    expect(await submitJobs('--file', join(folder, 'none'))).toMatchObject({ status: 2 });
  });

  it('takes a job that is not valid for wrong usage, as submit does', async () => {
    const { status, stderr } = await warpforgeInfra(['cachewarmer', 'submit', '--warm-target-path', '/scene1'], { env });
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('WarmTargetMountAddresses: is missing') as string });
  });

  it('says which were sent when the queue fails in between', async () => {
    const memory = await emptyStorage();
    const [first, second] = await parseJobList(readFileSync(jobs, 'utf8'), jobs);
    if (first === undefined || second === undefined) throw new Error('the file has two jobs');
    const send = memory.jobs.send.bind(memory.jobs);
    vi.spyOn(memory.jobs, 'send').mockImplementationOnce(send).mockRejectedValue(new Error('no answer'));
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      await expect(sendJobs(memory, [first, second, first], false, signal)).rejects.toMatchObject({
        code: 'NOT_DONE',
        message: '1 of 3 jobs are on the queue, those above; the others were not sent: no answer',
      });
      expect(written).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('/animation/scene1'));
      await expect(sendJobs(memory, [first], false, signal)).rejects.toThrow(/^no answer$/);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe('waiting for jobs', () => {
  async function shown(states: readonly (JobProgress | JobReport | undefined)[]): Promise<string> {
    const memory = await emptyStorage();
    const records = new JobRecords(memory.records);
    const ids = states.map((_, index) => `job${index}`);
    for (const [index, state] of states.entries()) {
      if (state === undefined) continue;
      if ('job' in state) await records.publishReport({ ...state, job: `job${index}` }, signal);
      else await records.writeProgress(`job${index}`, state, undefined, signal);
    }
    const stop = new AbortController();
    const bars: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => bars.push(String(text)) > 0);
    // Lines come only every two seconds; this clock is in a hurry.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 3_000));
    try {
      const waiting = waitForJobs(memory, ids, { json: false }, stop.signal);
      await vi.waitUntil(() => bars.length >= states.length);
      stop.abort(new Interrupted('SIGINT'));
      await expect(waiting).rejects.toThrow(Interrupted);
      return bars.join('');
    } finally {
      vi.restoreAllMocks();
    }
  }

  it('shows one sum of all, and what it still waits for', async () => {
    const lines = await shown([report('', 'warm'), progress({}), progress({ doneBytes: 512, doneItems: 2, failedItems: 1 }), undefined]);
    expect(lines).toMatch(/^warming: 1\/4 jobs \| 778 B of 2\.0 KiB \| 3\/8 items \| 0\.0 MB\/s \| 1 failed$/m);
    expect(lines).toContain('The jobs go on; "warpforge-infra cachewarmer status" shows how far they are.\n');
  });

  it('says how long it takes once all is known, and for one job no number of jobs', async () => {
    const lines = await shown([progress({})]);
    expect(lines).toMatch(/^warming: 256 B of 1\.0 KiB \| 1\/4 items \| 0\.0 MB\/s \| ETA 3m0\ds$/m);
    expect(lines).toContain('The job goes on; "warpforge-infra cachewarmer status --job job0" shows how far it is.\n');
    expect(await shown([undefined])).toContain('warming: waiting for a manager\n');
    expect(await shown([progress({ phase: 'walking', doneBytes: 0, doneItems: 0 })])).toContain('warming: walking: 4 files, 1.0 KiB\n');
  });

  it('watches as many jobs as there are, and ends all watches when one fails', async () => {
    const memory = await emptyStorage();
    const records = new JobRecords(memory.records);
    const ids = Array.from({ length: 40 }, (_, index) => `job${index}`);
    for (const id of ids) await records.publishReport(report(id, 'warm'), signal);
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      const reports = await waitForJobs(memory, ids, { json: true }, signal);
      expect(reports.map(({ job }) => job)).toEqual(ids);
      expect(written).toHaveBeenCalledTimes(ids.length);
      // The others would be watched for ever.
      const read = memory.records.read.bind(memory.records);
      const gone = new Error('the account is gone');
      vi.spyOn(memory.records, 'read').mockImplementation((name, ...rest) =>
        name.includes('lost') ? Promise.reject(gone) : read(name, ...rest),
      );
      await expect(waitForJobs(memory, ['open1', 'lost', 'open2'], { json: true }, signal)).rejects.toBe(gone);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

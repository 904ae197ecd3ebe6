import { startAzurite } from '@warpforge/blob-backend/testing';
import { JobRecords, openStorage } from '@warpforge/cache-warmer';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import { compare, ratioOf, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { manage } from './one-process.ts';
import { jobOf, makeSparseTree, type Tree } from './tree.ts';
import type { WorkerOrder } from './worker-process.ts';

/** Each is one item: a range is 1500 MiB. */
const FILES = 12;
const FILE_BYTES = 1500 * 1024 * 1024;
const BAR = 1.6;

const WORKER = new URL('./worker-process.ts', import.meta.url);

/** Workers with one reader thread each, in processes of their own, over the queues of Azurite. */
export async function compareWorkers(folder: string, progress: Progress): Promise<Verdict> {
  const question = 'Two workers of one reader thread each against one, on 12 files of 1500 MiB, over Azurite';
  progress(question);
  const tree = await makeSparseTree(join(folder, 'ranges'), FILES, FILE_BYTES);
  await using azurite = await startAzurite({ accounts: [{ name: 'bench' }], queues: true });
  const connectionString = azurite.accounts[0]?.connectionString ?? '';
  let jobs = 0;
  const contender = (name: string, workers: number) => ({
    name,
    measure: () => measure({ prefix: `s${(jobs += 1)}`, connectionString }, workers, tree),
  });
  const series = await compare([contender('one worker', 1), contender('two workers', 2)], (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} MB/s`),
  );
  await rm(tree.node, { recursive: true });
  const [one, two] = series as [Series, Series];
  return {
    question,
    value: ratioOf(two, one),
    bar: BAR,
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: 'MB/s',
    commands: ['warpforge-infra cachewarmer worker --concurrency 1 &', 'warpforge-infra cachewarmer worker --concurrency 1 &'],
  };
}

/** @returns MB/s from the word to begin to the last item. */
async function measure(order: WorkerOrder, workers: number, tree: Tree): Promise<number> {
  const { signal } = new AbortController();
  const storage = await openStorage(order);
  await storage.create(signal);
  const stop = new AbortController();
  const queued = Promise.withResolvers<undefined>();
  const managing = manage(
    storage,
    ({ kind }) => {
      if (kind === 'job-queued') queued.resolve(undefined);
    },
    stop.signal,
  ).catch((error: unknown) => {
    if (!stop.signal.aborted) queued.reject(error);
  });
  const id = await storage.jobs.send(jobOf(tree), signal);
  const processes = Array.from({ length: workers }, () => fork(WORKER, { execArgv: ['--conditions=@warpforge/source'] }));
  await Promise.all(
    processes.map(async (process) => {
      process.send(order);
      await once(process, 'message');
    }),
  );
  await queued.promise;
  const started = Date.now();
  const ends = await Promise.all(
    processes.map(async (process) => {
      process.send('begin');
      const [lastDone] = (await once(process, 'message')) as [number];
      return lastDone;
    }),
  );
  const milliseconds = Math.max(...ends) - started;
  while ((await new JobRecords(storage.records).readReport(id, signal)) === undefined)
    await new Promise((resolve) => setTimeout(resolve, 100));
  stop.abort();
  await managing;
  return tree.bytes / 1e3 / milliseconds;
}

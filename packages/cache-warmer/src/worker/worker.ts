import { LRUCache } from 'lru-cache';
import type { WarmJob } from '../job/warm-job.ts';
import { MountPool } from '../mount/mount-pool.ts';
import { Addresses } from './addresses.ts';
import { Beacon } from './beacon.ts';
import { ItemRun, type ItemRunParts } from './item-run.ts';
import { ReaderPool } from './reader-pool.ts';
import { takeWork } from './take-work.ts';
import type { WorkerEnd, WorkerOptions } from './worker-options.ts';

const LEASE_SECONDS = 60;
/** NFS asks for at most 1 MiB at a time, and this much stays in the second-level cache; of 128 KiB to 10 MiB none was faster. */
const READ_SIZE = 1024 * 1024;
/** A worker sees the items of few jobs at a time. */
const JOBS_KEPT = 100;

/**
 * Takes items from the work queue, reads their files through the job's addresses, and records what became of them, until it is told to
 * stop, its machine is taken away, or it is idle for long enough. Then it hands back what it has, and unmounts what it mounted. What fails
 * is told as an event and tried again, so this rejects only for faults of the program.
 */
export async function runWorker(options: WorkerOptions, signal: AbortSignal): Promise<WorkerEnd> {
  const { onEvent, preemption = new AbortController().signal } = options;
  const stop = new AbortController();
  const onStop = (): void => stop.abort(new Error('the worker is to stop'));
  const onNotice = (): void => {
    onEvent({ kind: 'preempted', why: textOf(preemption.reason) });
    stop.abort(new Error(`the machine is taken away: ${textOf(preemption.reason)}`));
  };
  const listeners = [
    [signal, onStop],
    [preemption, onNotice],
  ] as const;
  for (const [source, listener] of listeners) {
    if (source.aborted) listener();
    else source.addEventListener('abort', listener, { once: true });
  }
  try {
    const isIdle = await work(options, stop.signal);
    return { reason: isIdle ? 'idle' : preemption.aborted ? 'preempted' : 'stopped' };
  } finally {
    for (const [source, listener] of listeners) source.removeEventListener('abort', listener);
  }
}

/** @returns whether it ended because there was nothing to do. */
async function work(options: WorkerOptions, stop: AbortSignal): Promise<boolean> {
  const { mounter, clock, onEvent, readSize = READ_SIZE, bytesPerSecond } = options;
  await using beacon = new Beacon(options);
  await using mounts = new MountPool(mounter, (error) => onEvent({ kind: 'trouble', what: 'something stays mounted', error }));
  await using readers = new ReaderPool({ readSize, bytesPerSecond }, onEvent);
  const addresses = new Addresses(mounts, clock);
  const readJob = keepJobs(options.readJob);
  const leased = { ...options, leaseSeconds: options.leaseSeconds ?? LEASE_SECONDS };

  return await takeWork(
    leased,
    stop,
    (state) => beacon.set(state),
    async (message) => {
      const reader = readers.take();
      try {
        await ItemRun.handle({ options: leased, readJob, addresses, reader }, message, stop);
      } catch (error) {
        onEvent({ kind: 'trouble', what: `message ${message.id} of ${options.work.name} is seen again when its lease ends`, error });
      } finally {
        readers.give(reader);
      }
    },
  );
}

function keepJobs(read: WorkerOptions['readJob']): ItemRunParts['readJob'] {
  const kept = new LRUCache<string, WarmJob>({ max: JOBS_KEPT });
  return async (id, signal) => {
    const job = kept.get(id) ?? (await read(id, signal));
    if (job === undefined) throw new Error(`there is no job ${id}`);
    kept.set(id, job);
    return job;
  };
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

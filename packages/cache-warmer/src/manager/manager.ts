import type { Clock } from '../clock.ts';
import { QueueError, RecordError } from '../errors.ts';
import type { OnEvent } from '../events.ts';
import type { Launcher } from '../launch/launcher.ts';
import type { Mounter } from '../mount/mounter.ts';
import { ItemRecords } from '../records/item-records.ts';
import { JobRecords } from '../records/job-records.ts';
import { WorkerBeacons } from '../records/worker-beacons.ts';
import type { CacheWarmerStorage } from '../storage.ts';
import { Fleet, type FleetLimits } from './fleet.ts';
import { JobMessages, LEASE_SECONDS } from './job-messages.ts';
import { JobRun } from './job-run.ts';

/** What a manager needs. */
export interface ManagerOptions {
  readonly storage: CacheWarmerStorage;
  readonly mounter: Mounter;
  readonly launcher: Launcher;
  readonly limits: FleetLimits;
  /** A job that has used so much of instances ends incomplete; undefined: never. */
  readonly maxInstanceHours: number | undefined;
  /** End when every job has; otherwise wait for more. */
  readonly once: boolean;
  readonly clock: Clock;
  /** Makes ids that are never made again. */
  readonly newId: () => string;
  readonly onEvent: OnEvent;
}

/** Jobs share the workers, so that more at a time end no sooner; a few keep a small one from waiting for a large one. */
const JOBS_AT_A_TIME = 8;
/** A new job and a change of the fleet are noticed within this time. */
const LOOK_MS = 2_000;
/** A short job is over before a look every two seconds would notice it. */
const FIRST_LOOK_MS = 100;

/**
 * Takes jobs from the job queue, brings each to its report, and keeps as many workers as they need, until `signal` aborts or, with `once`,
 * every job has ended. Several managers may run: a job is done by one of them, and taken over by another one when that ends. When it
 * stops early, jobs go on with the next manager from where they are; workers of a launcher that outlives it go on meanwhile.
 *
 * @throws {QueueError} or {@link RecordError} for a queue that is not there or a right that is missing, and the signal's reason at an
 * abort. Other troubles are told to `onEvent` and tried again.
 */
export async function runManager(options: ManagerOptions, signal: AbortSignal): Promise<void> {
  await new Manager(options).run(signal);
}

class Manager {
  readonly #options: ManagerOptions;
  readonly #fleet: Fleet;
  readonly #messages: JobMessages;
  /** Jobs that go on. */
  readonly #runs = new Set<JobRun>();
  readonly #handlings = new Set<Promise<void>>();

  constructor(options: ManagerOptions) {
    const { storage, launcher, limits, clock, onEvent } = options;
    this.#options = options;
    this.#fleet = new Fleet({ launcher, limits, clock, onEvent, beacons: new WorkerBeacons(storage.records) });
    const jobs = new JobRecords(storage.records);
    const parts = { ...options, store: storage.records, jobs, items: new ItemRecords(storage.records), work: storage.work };
    this.#messages = new JobMessages({
      ...{ storage, jobs, clock, onEvent },
      run: async (job, held) => {
        const run = new JobRun(job, parts);
        this.#runs.add(run);
        try {
          return await run.run(held);
        } finally {
          this.#runs.delete(run);
        }
      },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const fatal = new AbortController();
    const either = AbortSignal.any([signal, fatal.signal]);
    try {
      await this.#serve(either, (error) => fatal.abort(error));
    } finally {
      // Jobs that go on hand their leases back.
      fatal.abort(new Error('the manager ends'));
      await Promise.all(this.#handlings);
    }
  }

  async #serve(signal: AbortSignal, onFatal: (error: unknown) => void): Promise<void> {
    const { clock, once } = this.#options;
    for (let look = 0; ; look++) {
      const isOver = await this.#attempt('taking jobs', () => this.#takeJobs(signal, onFatal), signal);
      await this.#attempt('keeping workers', () => this.#adjustFleet(signal), signal);
      if (once && isOver === true) break;
      // Quick at the beginning, and while something goes on that may be over soon.
      await clock.sleep(Math.min(LOOK_MS, FIRST_LOOK_MS * 2 ** Math.min(look, 10)), signal);
    }
    await this.#attempt('ending workers', () => this.#fleet.end(signal), signal);
  }

  /** @returns whether there are no jobs, neither in the queue nor here. */
  async #takeJobs(signal: AbortSignal, onFatal: (error: unknown) => void): Promise<boolean> {
    const { jobs } = this.#options.storage;
    while (this.#handlings.size < JOBS_AT_A_TIME) {
      const [message] = await jobs.receive(1, LEASE_SECONDS, signal);
      if (message === undefined) break;
      const handling: Promise<void> = this.#messages
        .handle(message, signal)
        .catch((error: unknown) => {
          if (signal.aborted) return;
          if (isFatal(error)) onFatal(error);
          // The lease of the message ends by itself, and the job is taken on again.
          else this.#options.onEvent({ kind: 'trouble', what: `job ${message.id}`, error });
        })
        .finally(() => this.#handlings.delete(handling));
      this.#handlings.add(handling);
    }
    return this.#handlings.size === 0 && (await jobs.approximateLength(signal)) === 0;
  }

  async #adjustFleet(signal: AbortSignal): Promise<void> {
    const working = [...this.#runs].filter((run) => run.outstanding > 0);
    const outstanding = working.reduce((sum, run) => sum + run.outstanding, 0);
    const { instanceSeconds } = await this.#fleet.adjust(outstanding, signal);
    for (const run of working) run.charge(instanceSeconds / working.length);
  }

  async #attempt<T>(what: string, work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (isFatal(error)) throw error;
      this.#options.onEvent({ kind: 'trouble', what, error });
      return undefined;
    }
  }
}

/** What no later try mends. */
function isFatal(error: unknown): boolean {
  return (
    (error instanceof QueueError && (error.code === 'QUEUE_DENIED' || error.code === 'QUEUE_MISSING')) ||
    (error instanceof RecordError && error.code === 'RECORD_DENIED')
  );
}

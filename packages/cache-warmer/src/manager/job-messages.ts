import type { Clock } from '../clock.ts';
import { QueueError, RecordError } from '../errors.ts';
import type { OnEvent } from '../events.ts';
import { WarmJobError } from '../job/errors.ts';
import { describeTarget, parseWarmJob } from '../job/warm-job.ts';
import type { ReceivedMessage } from '../queue/message-queue.ts';
import type { AcceptedJob, JobRecords } from '../records/job-records.ts';
import { rejectedReport } from '../report/make-report.ts';
import type { JobReport } from '../report/job-report.ts';
import type { CacheWarmerStorage } from '../storage.ts';
import { JobError } from './job-error.ts';
import { LeaseKeeper } from './lease-keeper.ts';

/** A manager that dies is replaced within this time: long enough for some lost renewals, short enough to wait for. */
export const LEASE_SECONDS = 60;
/** A job that another manager holds is looked at again after this time. */
const HELD_ELSEWHERE_SECONDS = 15;
/** A job that so many managers have begun ends all of them: something about it brings them down. */
const MOST_RECEIPTS = 50;
/** Time to give leases back after an interruption. */
const HAND_BACK_MS = 10_000;
/** Of a queue message: https://learn.microsoft.com/rest/api/storageservices/put-message */
const MOST_MESSAGE_BYTES = 64 * 1024;

/** What the handling of messages needs. */
export interface JobMessagesParts {
  readonly storage: CacheWarmerStorage;
  readonly jobs: JobRecords;
  readonly clock: Clock;
  readonly onEvent: OnEvent;
  /** Brings a job whose lease is held to its report. Rejects with {@link JobError} when it cannot be done. */
  run(job: AcceptedJob, signal: AbortSignal): Promise<JobReport>;
}

/**
 * Messages of the job queue, from receipt to deletion. The lease of the message and that of the job's record are both renewed until the
 * report is written; only then is the message deleted, so a job outlives every manager.
 */
export class JobMessages {
  readonly #parts: JobMessagesParts;

  constructor(parts: JobMessagesParts) {
    this.#parts = parts;
  }

  /** Handles a message that was received for {@link LEASE_SECONDS}. At an abort the leases are handed back. */
  async handle(message: ReceivedMessage, signal: AbortSignal): Promise<void> {
    const { storage, clock, onEvent } = this.#parts;
    const lost = new AbortController();
    const lease = { id: message.id, receipt: message.receipt };
    const renew = async (renewal: AbortSignal): Promise<void> => {
      lease.receipt = await storage.jobs.update(lease, { leaseSeconds: LEASE_SECONDS }, renewal);
    };
    let againAfter: number | undefined;
    try {
      await using leases = new AsyncDisposableStack();
      const keeper = new LeaseKeeper(LEASE_SECONDS, renew, {
        clock,
        isLoss: (error) => error instanceof QueueError && error.code === 'QUEUE_LEASE_LOST',
        onLost: (cause) => lost.abort(cause),
      });
      leases.use(keeper);
      againAfter = await this.#bringToEnd(message, AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      if (signal.aborted) await this.#handBack(() => storage.jobs.update(lease, { leaseSeconds: 0 }, AbortSignal.timeout(HAND_BACK_MS)));
      if (!lost.signal.aborted) throw error;
      onEvent({ kind: 'trouble', what: `job ${message.id} is another manager's now`, error: lost.signal.reason });
      return;
    }
    if (againAfter === undefined) await storage.jobs.delete(lease, signal);
    else await storage.jobs.update(lease, { leaseSeconds: againAfter }, signal);
  }

  /** @returns undefined when the message is done with, else the seconds after which it is to be looked at again. */
  async #bringToEnd(message: ReceivedMessage, signal: AbortSignal): Promise<number | undefined> {
    const { jobs } = this.#parts;
    const { id, text, insertedAt, dequeueCount } = message;
    if ((await jobs.readReport(id, signal)) !== undefined) return undefined;
    let job: AcceptedJob;
    try {
      job = { id, warmJob: parseWarmJob(text), submittedAt: insertedAt };
    } catch (error) {
      if (!(error instanceof WarmJobError)) throw error;
      await this.#reject(message, 'a message that is not a job', error.message, signal);
      return undefined;
    }
    const target = describeTarget(job.warmJob.target);
    if (dequeueCount > MOST_RECEIPTS) {
      await this.#reject(message, target, `it was begun ${MOST_RECEIPTS} times without an end`, signal);
      return undefined;
    }
    await jobs.accept(job, signal);
    try {
      await this.#runLeased(job, signal);
    } catch (error) {
      if (error instanceof RecordError && error.code === 'RECORD_LEASED') return HELD_ELSEWHERE_SECONDS;
      if (!(error instanceof JobError)) throw error;
      await this.#reject(message, target, error.message, signal);
    }
    return undefined;
  }

  async #runLeased(job: AcceptedJob, signal: AbortSignal): Promise<void> {
    const { jobs, clock, onEvent } = this.#parts;
    const lease = await jobs.lease(job.id, LEASE_SECONDS, signal);
    const lost = new AbortController();
    const held = AbortSignal.any([signal, lost.signal]);
    try {
      await using leases = new AsyncDisposableStack();
      const keeper = new LeaseKeeper(LEASE_SECONDS, (renewal) => lease.renew(renewal), {
        clock,
        isLoss: (error) => error instanceof RecordError && error.code === 'RECORD_LEASE_LOST',
        onLost: (cause) => lost.abort(cause),
      });
      leases.use(keeper);
      const report = await jobs.publishReport(await this.#parts.run(job, held), held);
      onEvent({ kind: 'job-ended', job: job.id, report });
    } finally {
      await this.#handBack(() => lease.release(AbortSignal.timeout(HAND_BACK_MS)));
    }
  }

  /** A message that never becomes a job goes to the poison queue with the reason; its report tells those who wait for it. */
  async #reject(message: ReceivedMessage, target: string, reason: string, signal: AbortSignal): Promise<void> {
    const { storage, jobs, clock, onEvent } = this.#parts;
    const { id, text, insertedAt } = message;
    const poison = JSON.stringify({ reason, job: id, message: text });
    // A message of the largest size leaves no room for its reason.
    await storage.jobPoison.send(Buffer.byteLength(poison) <= MOST_MESSAGE_BYTES ? poison : text, signal);
    const report = rejectedReport({ id, target, submittedAt: insertedAt, endedAt: new Date(clock.now()), reason });
    await jobs.publishReport(report, signal);
    onEvent({ kind: 'message-poisoned', queue: storage.jobPoison.name, id, reason });
    onEvent({ kind: 'job-ended', job: id, report });
  }

  async #handBack(give: () => Promise<unknown>): Promise<void> {
    try {
      await give();
    } catch (error) {
      // It ends by itself a minute later.
      this.#parts.onEvent({ kind: 'trouble', what: 'a lease could not be handed back', error });
    }
  }
}

import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { readManifest } from '../manifest/manifest-reader.ts';
import type { Mounter } from '../mount/mounter.ts';
import type { MessageQueue } from '../queue/message-queue.ts';
import type { ItemRecords } from '../records/item-records.ts';
import type { AcceptedJob, JobProgress, JobRecords } from '../records/job-records.ts';
import { OutcomeSet } from '../records/outcome-set.ts';
import type { RecordStore } from '../records/record-store.ts';
import type { JobReport } from '../report/job-report.ts';
import { makeReport } from '../report/make-report.ts';
import { giveUpItems } from './give-up-items.ts';
import { sendItems } from './send-items.ts';
import { walkJob } from './walk-target.ts';

/** What the runs of all jobs share. */
export interface JobRunParts {
  readonly store: RecordStore;
  readonly jobs: JobRecords;
  readonly items: ItemRecords;
  readonly work: MessageQueue;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly onEvent: OnEvent;
  /** A job that has used so much of instances is given up; undefined: never. */
  readonly maxInstanceHours: number | undefined;
}

/** Messages between two notes of how far the sending is; a crash leaves so many of which it is not known whether they were sent. */
const SEND_BATCH = 200;
/** While records come in, the next look is soon; otherwise it waits up to the longest, which a person hardly notices. */
const SHORTEST_LOOK_MS = 100;
const LONGEST_LOOK_MS = 2_000;

/**
 * One job from its acceptance to its report, resumed wherever an earlier manager left it:
 *
 * 1. Walk, and publish the manifest. It is published once, so a target is never walked again.
 * 2. Send a message for each item, in batches. Before a batch its end is noted, so a manager that resumes knows which messages may
 *    have been sent, and sends none of them twice.
 * 3. Look for the records of the items until each has one. When the queue is empty and some are missing, their messages were never sent, or
 *    somebody cleared the queue: they are sent (again).
 * 4. Report.
 */
export class JobRun {
  readonly #job: AcceptedJob;
  readonly #parts: JobRunParts;
  readonly #outcomes = new OutcomeSet();
  #progress: JobProgress;
  #etag: string | undefined;
  #written = '';
  #items = 0;

  constructor(job: AcceptedJob, parts: JobRunParts) {
    this.#job = job;
    this.#parts = parts;
    this.#progress = {
      version: 1,
      phase: 'walking',
      startedAt: new Date(parts.clock.now()).toISOString(),
      ...{ files: 0, bytes: 0, items: 0, doneItems: 0, doneBytes: 0, failedItems: 0, sent: 0, sending: 0, instanceSeconds: 0 },
    };
  }

  /** Items that workers could read now. */
  get outstanding(): number {
    return this.#progress.phase === 'walking' ? 0 : this.#items - this.#outcomes.count;
  }

  /** Charges the time of instances to the job. */
  charge(instanceSeconds: number): void {
    this.#progress = { ...this.#progress, instanceSeconds: this.#progress.instanceSeconds + instanceSeconds };
  }

  /** Rejects with {@link JobError} when the job cannot be done. */
  async run(signal: AbortSignal): Promise<JobReport> {
    const { jobs, onEvent } = this.#parts;
    const { id } = this.#job;
    const before = await jobs.readProgress(id, signal);
    if (before !== undefined) {
      const charged = this.#progress.instanceSeconds;
      this.#progress = { ...before.progress, instanceSeconds: before.progress.instanceSeconds + charged };
      this.#etag = before.etag;
    }
    onEvent({ kind: 'job-taken', job: id, resumed: before !== undefined });
    await this.#save(signal);
    const manifest = (await readManifest(this.#parts.store, id, signal)) ?? (await this.#walk(signal));
    const { files, bytes, items } = manifest;
    this.#items = items;
    this.#note({ phase: 'queueing', files, bytes, items });
    await this.#send(manifest, signal);
    this.#note({ phase: 'warming' });
    await this.#awaitRecords(manifest, signal);
    return makeReport({
      job: this.#job,
      manifest,
      outcomes: this.#outcomes,
      failures: this.#parts.items.failures(id, this.#outcomes, signal),
      startedAt: new Date(this.#progress.startedAt),
      endedAt: new Date(this.#parts.clock.now()),
      instanceSeconds: this.#progress.instanceSeconds,
    });
  }

  async #walk(signal: AbortSignal): Promise<Manifest> {
    const { onEvent, clock } = this.#parts;
    const { id } = this.#job;
    let savedAt = clock.now();
    let saving = Promise.resolve();
    const failed = new AbortController();
    const walking = AbortSignal.any([signal, failed.signal]);
    const manifest = await walkJob(
      this.#job,
      {
        ...this.#parts,
        onProgress: ({ files, bytes }) => {
          if (clock.now() - savedAt < LONGEST_LOOK_MS) return;
          savedAt = clock.now();
          this.#note({ files, bytes });
          onEvent({ kind: 'job-walking', job: id, files, bytes });
          // One after the other, beside the walk, which ends when another manager has taken the job over.
          saving = saving.then(() => this.#save(walking)).catch((error: unknown) => failed.abort(error));
        },
      },
      walking,
    );
    await saving;
    failed.signal.throwIfAborted();
    return manifest;
  }

  async #send(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const { work, onEvent } = this.#parts;
    // What may have been sent is left to the look for lost messages.
    let next = this.#progress.sending;
    while (next < manifest.items) {
      const end = Math.min(manifest.items, next + SEND_BATCH);
      this.#note({ sent: next, sending: end });
      await this.#save(signal);
      await sendItems(work, this.#job.id, manifest, numbers(next, end), signal);
      next = end;
    }
    const { items, files, bytes } = manifest;
    onEvent({ kind: 'job-queued', job: this.#job.id, items, files, bytes });
  }

  async #awaitRecords(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const { clock, items, maxInstanceHours } = this.#parts;
    let wait = SHORTEST_LOOK_MS;
    for (;;) {
      const before = this.#outcomes.count;
      await this.#look(manifest, signal);
      if (this.#outcomes.count === manifest.items) return;
      if (maxInstanceHours !== undefined && this.#progress.instanceSeconds >= maxInstanceHours * 3600) {
        const reason = `not read: the job has used up its ${maxInstanceHours} instance hours (--max-instance-hours)`;
        const missing = this.#outcomes.missing(manifest.items);
        await giveUpItems({ ...this.#parts, items }, this.#job.id, manifest, missing, reason, signal);
        continue;
      }
      await this.#sendLost(manifest, signal);
      wait = this.#outcomes.count > before ? SHORTEST_LOOK_MS : Math.min(LONGEST_LOOK_MS, wait * 2);
      await clock.sleep(wait, signal);
    }
  }

  async #look(manifest: Manifest, signal: AbortSignal): Promise<void> {
    await this.#parts.items.scan(this.#job.id, manifest.items, this.#outcomes, signal);
    const { count, failed, bytes } = this.#outcomes;
    this.#note({ doneItems: count, failedItems: failed, doneBytes: bytes });
    await this.#save(signal);
    this.#parts.onEvent({ kind: 'job-progress', job: this.#job.id, doneItems: count, items: manifest.items, bytes });
  }

  async #sendLost(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const { work } = this.#parts;
    if ((await work.approximateLength(signal)) > 0) return;
    // A record is written before its message is deleted, so the records of messages that are gone are there now.
    await this.#look(manifest, signal);
    await sendItems(work, this.#job.id, manifest, this.#outcomes.missing(manifest.items), signal);
  }

  #note(change: Partial<JobProgress>): void {
    this.#progress = { ...this.#progress, ...change };
  }

  /** Writes how far the job is, when that has changed. Rejects when another manager has written since: the job is no longer ours then. */
  async #save(signal: AbortSignal): Promise<void> {
    const text = JSON.stringify(this.#progress);
    if (text === this.#written) return;
    this.#etag = await this.#parts.jobs.writeProgress(this.#job.id, this.#progress, this.#etag, signal);
    this.#written = text;
  }
}

function* numbers(from: number, to: number): Generator<number> {
  for (let number = from; number < to; number++) yield number;
}

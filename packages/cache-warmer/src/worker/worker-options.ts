import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';
import type { WarmJob } from '../job/warm-job.ts';
import type { ManifestPage } from '../manifest/manifest.ts';
import type { Mounter } from '../mount/mounter.ts';
import type { MessageQueue } from '../queue/message-queue.ts';
import type { ItemRecords } from '../records/item-records.ts';
import type { WorkerBeacons } from '../records/worker-beacons.ts';

/** What a worker works with. */
export interface WorkerOptions {
  /** Of this worker among all; on a virtual machine that of the machine. */
  readonly name: string;
  readonly work: MessageQueue;
  readonly workPoison: MessageQueue;
  readonly items: ItemRecords;
  readonly beacons: WorkerBeacons;
  /** The job of an id; undefined when there is none. */
  readonly readJob: (job: string, signal: AbortSignal) => Promise<WarmJob | undefined>;
  /** A page of a job's manifest, of the version that has the ETag. */
  readonly page: (job: string, walk: string, page: number, etag: string, signal: AbortSignal) => Promise<ManifestPage>;
  readonly mounter: Mounter;
  /** Items that are read at once, each by a thread of its own. Default: 2 for each CPU, and at least 4. */
  readonly concurrency?: number;
  /** How long a message is leased; it is renewed at a third of that. Default: 60. */
  readonly leaseSeconds?: number;
  /** Bytes of one read. Default: 1 MiB. */
  readonly readSize?: number;
  /** Limit of the whole worker. Default: none. */
  readonly bytesPerSecond?: number;
  /** The worker ends when it has had nothing to do for so long. Default: it never does. */
  readonly idleExitSeconds?: number;
  /** Aborts when the machine is about to be taken away; its reason says why. */
  readonly preemption?: AbortSignal;
  readonly onEvent: OnEvent;
  readonly clock: Clock;
  /** A number from 0 to 1, as `Math.random` gives. */
  readonly random: () => number;
}

/** How a worker ended: it was told to stop, its machine is taken away, or there was nothing to do for long enough. */
export interface WorkerEnd {
  readonly reason: 'stopped' | 'preempted' | 'idle';
}

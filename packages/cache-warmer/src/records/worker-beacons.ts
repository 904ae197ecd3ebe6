import { WORKER_PREFIX, workerName } from './record-names.ts';
import type { RecordStore } from './record-store.ts';

/** What a worker says of itself. */
export interface WorkerState {
  readonly state: 'busy' | 'idle';
  /** When it began to be so. */
  readonly since: Date;
}

/** A worker that has told its state, and not been removed. */
export interface WorkerBeacon extends WorkerState {
  readonly worker: string;
  /** When it said so, in whole seconds of the store's clock. */
  readonly seenAt: Date;
}

/** Where workers say that they live and whether they have work. */
export class WorkerBeacons {
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Replaces what the worker said before. */
  async tell(worker: string, { state, since }: WorkerState, signal: AbortSignal): Promise<void> {
    await this.#store.write(nameOf(worker), '', { metadata: { state, since: since.toISOString() } }, signal);
  }

  /** What all workers said last. Their names have `_` in place of every character that a record's name cannot have. */
  async list(signal: AbortSignal): Promise<WorkerBeacon[]> {
    const beacons: WorkerBeacon[] = [];
    for await (const { name, metadata, modifiedAt } of this.#store.list(WORKER_PREFIX, signal)) {
      const { state, since } = metadata;
      if ((state !== 'busy' && state !== 'idle') || since === undefined) continue;
      beacons.push({ worker: name.slice(WORKER_PREFIX.length), state, since: new Date(since), seenAt: modifiedAt });
    }
    return beacons;
  }

  /** Forgets a worker; one that is not known is as good. */
  async remove(worker: string, signal: AbortSignal): Promise<void> {
    await this.#store.delete(nameOf(worker), signal);
  }
}

/** Names of dots only mean other paths in a URL. */
function nameOf(worker: string): string {
  return workerName(worker.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+$/, '_'));
}

import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';
import type { Launcher } from '../launch/launcher.ts';
import type { WorkerBeacons } from '../records/worker-beacons.ts';

/** How many workers there may be, and for how long without work. */
export interface FleetLimits {
  /** The most workers at a time. */
  readonly maxWorkers: number;
  /** Items that a worker should have for itself before another one is worth its start. */
  readonly itemsPerWorker: number;
  /** A worker without work ends after this time, and all do when there is no work at all. */
  readonly idleSeconds: number;
}

/** A part of the time that the instances lived is charged to each job. */
export interface FleetUse {
  /** Instances that live now. */
  readonly live: number;
  /** Seconds of instances since the last look. */
  readonly instanceSeconds: number;
}

/**
 * Keeps as many workers as the work needs. Only what the launcher sees counts: an instance that was evicted is missing at the next look,
 * and is started again while there is work.
 */
export class Fleet {
  readonly #launcher: Launcher;
  readonly #beacons: WorkerBeacons;
  readonly #limits: FleetLimits;
  readonly #clock: Clock;
  readonly #onEvent: OnEvent;
  #lookedAt: number | undefined;
  #live = 0;
  #workSince: number;
  #noWorkSince: number;

  constructor(parts: {
    readonly launcher: Launcher;
    readonly beacons: WorkerBeacons;
    readonly limits: FleetLimits;
    readonly clock: Clock;
    readonly onEvent: OnEvent;
  }) {
    this.#launcher = parts.launcher;
    this.#beacons = parts.beacons;
    this.#limits = parts.limits;
    this.#clock = parts.clock;
    this.#onEvent = parts.onEvent;
    this.#workSince = this.#noWorkSince = parts.clock.now();
  }

  /** Looks at what lives and brings it to what `outstanding` items need. Rejects when Azure, or whatever starts workers, refuses. */
  async adjust(outstanding: number, signal: AbortSignal): Promise<FleetUse> {
    const now = this.#clock.now();
    const instances = await this.#launcher.instances(signal);
    const use = { live: instances.length, instanceSeconds: (this.#live * (now - (this.#lookedAt ?? now))) / 1000 };
    this.#lookedAt = now;
    this.#live = instances.length;

    const { maxWorkers, itemsPerWorker } = this.#limits;
    const wanted = Math.min(maxWorkers, Math.ceil(outstanding / itemsPerWorker));
    if (outstanding > 0) this.#noWorkSince = now;
    else this.#workSince = now;
    this.#onEvent({ kind: 'instances', live: instances.length, wanted });

    if (instances.length < wanted) {
      await this.#launcher.start(wanted - instances.length, signal);
    } else if (instances.length > wanted) {
      const idle = await this.#idle(new Set(instances.map(({ name }) => name)), now, signal);
      // Those that have work keep it, however few items are left.
      const extra = outstanding === 0 && this.#isIdle(this.#noWorkSince, now) ? instances.map(({ name }) => name) : idle;
      const names = extra.slice(0, instances.length - wanted);
      if (names.length > 0) {
        await this.#launcher.stop(names, signal);
        for (const name of names) await this.#beacons.remove(name, signal);
      }
    }
    return use;
  }

  /** Ends all workers. */
  async end(signal: AbortSignal): Promise<void> {
    const names = (await this.#launcher.instances(signal)).map(({ name }) => name);
    if (names.length > 0) await this.#launcher.stop(names, signal);
    for (const name of names) await this.#beacons.remove(name, signal);
  }

  /** Instances that have said for a while that they have no work. Those that say nothing may be starting, or have no strength to speak. */
  async #idle(live: ReadonlySet<string>, now: number, signal: AbortSignal): Promise<string[]> {
    const beacons = await this.#beacons.list(signal);
    return beacons
      .filter(
        ({ worker, state, since }) => live.has(worker) && state === 'idle' && this.#isIdle(Math.max(since.getTime(), this.#workSince), now),
      )
      .map(({ worker }) => worker);
  }

  #isIdle(since: number, now: number): boolean {
    return now - since >= this.#limits.idleSeconds * 1000;
  }
}

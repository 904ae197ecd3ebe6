import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';
import type { WorkerBeacons } from '../records/worker-beacons.ts';

/** A manager takes a worker for dead after some of these. */
const TELL_EVERY_MS = 20_000;
/** At the end nothing waits long for the storage. */
const REMOVE_LIMIT_MS = 10_000;
const TELL_LIMIT_MS = 10_000;

/** Says that the worker lives, and whether it is busy, at each change and from time to time; disposing removes that. */
export class Beacon implements AsyncDisposable {
  readonly #beacons: WorkerBeacons;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #onEvent: OnEvent;
  readonly #stop = new AbortController();
  readonly #telling: Promise<void>;
  #state: 'busy' | 'idle' = 'idle';
  #since: Date;
  /** Writes come in the order of the changes. */
  #last: Promise<void> = Promise.resolve();

  constructor({ beacons, name, clock, onEvent }: { beacons: WorkerBeacons; name: string; clock: Clock; onEvent: OnEvent }) {
    this.#beacons = beacons;
    this.#name = name;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#since = new Date(clock.now());
    this.#telling = this.#keepTelling();
  }

  /** Tells of a change. */
  set(state: 'busy' | 'idle'): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = new Date(this.#clock.now());
    void this.#tell();
  }

  async #keepTelling(): Promise<void> {
    for (;;) {
      await this.#tell();
      try {
        await this.#clock.sleep(TELL_EVERY_MS, this.#stop.signal);
      } catch {
        // Only the end interrupts it.
        return;
      }
    }
  }

  #tell(): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TELL_LIMIT_MS)]);
        await this.#beacons.tell(this.#name, { state: this.#state, since: this.#since }, signal);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.#onEvent({ kind: 'trouble', what: 'the worker could not say that it lives', error });
      }
    });
    return this.#last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#telling, this.#last]);
    try {
      await this.#beacons.remove(this.#name, AbortSignal.timeout(REMOVE_LIMIT_MS));
    } catch (error) {
      this.#onEvent({ kind: 'trouble', what: 'the worker could not say that it ends', error });
    }
  }
}

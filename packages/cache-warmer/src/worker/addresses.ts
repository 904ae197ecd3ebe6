import type { Clock } from '../clock.ts';
import { mountKey, type MountPool } from '../mount/mount-pool.ts';
import type { MountSource } from '../mount/mounter.ts';

/** One bad file makes one failure, so several in a row are the address's fault. */
const FAILURES_IN_A_ROW = 3;
/** A cache node that restarts is back after about a minute, and then it is soon seen. */
const PASSED_OVER_MS = 30_000;

interface Trouble {
  failures: number;
  /** Until then it is passed over; 0: it is not. */
  until: number;
  isUnmounted: boolean;
}

/** The addresses that a worker reads through: their mounts, and which of them are to be passed over because they fail. */
export class Addresses {
  readonly #pool: MountPool;
  readonly #clock: Clock;
  readonly #troubles = new Map<string, Trouble>();

  constructor(pool: MountPool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Mounts a source, if that is not done yet. @returns its local path. @throws {MountError} and it is passed over for a while. */
  async path(source: MountSource, signal: AbortSignal): Promise<string> {
    try {
      const path = await this.#pool.path(source, signal);
      const trouble = this.#troubles.get(mountKey(source));
      if (trouble?.isUnmounted === true) this.worked(source);
      return path;
    } catch (error) {
      signal.throwIfAborted();
      this.#troubles.set(mountKey(source), { failures: 0, until: this.#clock.now() + PASSED_OVER_MS, isUnmounted: true });
      throw error;
    }
  }

  /** A file was read through it. */
  worked(source: MountSource): void {
    this.#troubles.delete(mountKey(source));
  }

  /** A file could not be read through it. */
  failed(source: MountSource): void {
    const { failures } = this.#troubles.get(mountKey(source)) ?? { failures: 0 };
    const until = failures + 1 >= FAILURES_IN_A_ROW ? this.#clock.now() + PASSED_OVER_MS : 0;
    this.#troubles.set(mountKey(source), { failures: failures + 1, until, isUnmounted: false });
  }

  /** Whether others are to be used while there are others. */
  isPassedOver(source: MountSource): boolean {
    const trouble = this.#troubles.get(mountKey(source));
    if (trouble === undefined || trouble.until === 0) return false;
    if (this.#clock.now() < trouble.until) return true;
    if (!trouble.isUnmounted) return false;
    // Mounting from a host that is down takes a minute, so it is tried while nobody waits. How it ended is then known here.
    trouble.until = Infinity;
    this.path(source, new AbortController().signal).catch(() => undefined);
    return true;
  }
}

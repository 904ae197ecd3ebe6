import type { Launcher, WorkerInstance } from './launcher.ts';

/** A scale set as far as a launcher needs it. */
export interface ScaleSet {
  /** The instances that exist, found by listing them: the capacity that a scale set states is not lowered when Spot instances are evicted. */
  instances(signal: AbortSignal): Promise<readonly WorkerInstance[]>;
  /** Asks for so many instances in all; resolves when the service has taken the request. */
  raiseTo(count: number, signal: AbortSignal): Promise<void>;
  /** Deletes instances by name; those that are gone are as good. */
  remove(names: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Workers as instances of a scale set. They outlive this process: a manager that is started again finds them at work. */
export class ScaleSetLauncher implements Launcher {
  readonly #scaleSet: ScaleSet;

  constructor(scaleSet: ScaleSet) {
    this.#scaleSet = scaleSet;
  }

  async instances(signal: AbortSignal): Promise<WorkerInstance[]> {
    return [...(await this.#scaleSet.instances(signal))];
  }

  async start(count: number, signal: AbortSignal): Promise<void> {
    const live = await this.#scaleSet.instances(signal);
    await this.#scaleSet.raiseTo(live.length + count, signal);
  }

  stop(names: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#scaleSet.remove(names, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

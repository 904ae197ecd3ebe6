import type { Mount, Mounter, MountSource } from './mounter.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A source is mounted once for all who read from it. */
export function mountKey(source: MountSource): string {
  return JSON.stringify(Object.entries(source).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Mounts that are made when they are first needed, and shared until the pool is disposed. */
export class MountPool implements AsyncDisposable {
  readonly #mounter: Mounter;
  readonly #onTrouble: (error: unknown) => void;
  readonly #mounts = new Map<string, Promise<Mount>>();
  /** In the order in which they were made. */
  readonly #made: Mount[] = [];
  readonly #closing = new AbortController();

  /** @param onTrouble told of each mount that could not be unmounted. */
  constructor(mounter: Mounter, onTrouble: (error: unknown) => void) {
    this.#mounter = mounter;
    this.#onTrouble = onTrouble;
  }

  /**
   * The local path of a source. An abort ends the waiting only: others may wait for the same mount. One that failed is tried again by the
   * next call. @throws {MountError}
   */
  async path(source: MountSource, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const key = mountKey(source);
    let mount = this.#mounts.get(key);
    if (mount === undefined) {
      mount = this.#mount(source);
      this.#mounts.set(key, mount);
      mount.catch(() => this.#mounts.delete(key));
    }
    return (await unlessAborted(mount, signal)).path;
  }

  async #mount(source: MountSource): Promise<Mount> {
    const mount = await this.#mounter.mount(source, this.#closing.signal);
    this.#made.push(mount);
    return mount;
  }

  /** Unmounts all, the last one first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('the mounts are closed'));
    await Promise.allSettled(this.#mounts.values());
    this.#mounts.clear();
    for (let mount = this.#made.pop(); mount !== undefined; mount = this.#made.pop()) {
      try {
        await mount[Symbol.asyncDispose]();
      } catch (error) {
        this.#onTrouble(error);
      }
    }
  }
}

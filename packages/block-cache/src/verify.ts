import type { VersionLease } from './cached-file.ts';
import type { CachedVersion } from './cached-version.ts';

/** Verifies whole versions in the background, one after the other: after a restart this must not take the disk from readers. */
export class BackgroundVerifier {
  readonly #queue = new Set<CachedVersion>();
  readonly #controller = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /** Number of versions that wait or are being verified. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Queues a version, unless it is queued already. */
  add(lease: VersionLease): void {
    const { version } = lease;
    if (this.#queue.has(version) || this.#controller.signal.aborted) return;
    this.#queue.add(version);
    const own = lease.renew();
    this.#running = this.#running.then(async () => {
      try {
        await version.verify(0, version.geometry.chunks, this.#controller.signal);
      } catch {
        // Stopped, or the disk failed: the version stays unverified, and the reader of a failing chunk reports it.
      } finally {
        this.#queue.delete(version);
        own.release();
      }
    });
  }

  /** Resolves when nothing is queued any more. */
  async idle(): Promise<void> {
    while (this.#queue.size > 0) await this.#running;
  }

  /** Ends the work; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#controller.abort(new DOMException('the cache was closed', 'AbortError'));
    await this.#running;
  }
}

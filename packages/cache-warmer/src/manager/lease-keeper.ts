import type { Clock } from '../clock.ts';

/** A lease ends without a word, so it is renewed long before: two renewals may fail and the third still comes in time. */
const RENEWALS_PER_LEASE = 3;

/** A lease that is renewed until disposed. */
export class LeaseKeeper implements AsyncDisposable {
  readonly #abort = new AbortController();
  readonly #over: Promise<void>;

  /**
   * @param seconds that the lease lasts.
   * @param renew extends it. A failure that `isLoss` recognises ends the keeping; after others it is tried again until the lease must have
   * ended.
   * @param onLost told once, when the lease is lost.
   */
  constructor(
    seconds: number,
    renew: (signal: AbortSignal) => Promise<void>,
    {
      clock,
      isLoss,
      onLost,
    }: { readonly clock: Clock; readonly isLoss: (error: unknown) => boolean; readonly onLost: (cause: unknown) => void },
  ) {
    const { signal } = this.#abort;
    const keep = async (): Promise<void> => {
      let goodUntil = clock.now() + seconds * 1000;
      while (!signal.aborted) {
        await clock.sleep((seconds * 1000) / RENEWALS_PER_LEASE, signal);
        const asked = clock.now();
        try {
          await renew(signal);
          goodUntil = asked + seconds * 1000;
        } catch (error) {
          signal.throwIfAborted();
          if (!isLoss(error) && clock.now() < goodUntil) continue;
          onLost(error);
          return;
        }
      }
    };
    this.#over = keep().catch((error: unknown) => {
      if (!signal.aborted) onLost(error);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#over;
  }
}

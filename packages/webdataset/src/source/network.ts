import { setTimeout } from 'node:timers/promises';

/** What reading from servers needs of the world. */
export interface Network {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Waits before another attempt. */
  readonly wait: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 up to 1, for pauses that differ between the clients of an overloaded server. */
  readonly random: () => number;
  /** A server that sends nothing for so long, in milliseconds, has hung up. */
  readonly stallMs: number;
}

/** The real one. */
export const NETWORK: Network = {
  fetch: (url, init) => fetch(url, init),
  wait: async (milliseconds, signal) => {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
  random: () => Math.random(),
  // Object stores answer within seconds; a connection that died silently would otherwise hold a reader for minutes.
  stallMs: 30_000,
};

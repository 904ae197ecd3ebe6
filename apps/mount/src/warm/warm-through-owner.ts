import { CacheLockedError } from '@warpforge/block-cache';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import { ControlClient } from '../control/client.ts';
import type { WarmEvent, WarmRequest } from '../control/protocol.ts';
import { codeOf, CommandError } from '../failure.ts';
import { CacheOwner } from '../owner.ts';

/** A process that has just taken the cache needs up to this long until its socket answers: it asks all backends before. */
const OWNER_STARTS_MS = 20_000;
const RETRY_MS = 100;

/**
 * Warms through the process that owns the cache, if there is one, and as its owner otherwise. Returns after the event `done`.
 */
export async function warmThroughOwner(
  config: Config,
  request: WarmRequest,
  onEvent: (event: WarmEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = new ControlClient(config.cache.path);
  const until = performance.now() + OWNER_STARTS_MS;
  for (;;) {
    try {
      for await (const event of client.warm(request, signal)) onEvent(event);
      return;
    } catch (error) {
      if (codeOf(error) !== 'NO_DAEMON') throw error;
    }
    try {
      await warmAsOwner(config, request, onEvent, signal);
      return;
    } catch (error) {
      if (!(error instanceof CacheLockedError)) throw error;
      if (performance.now() >= until)
        throw new CommandError('CACHE_BUSY', `${error.message} (it does not answer on its socket)`, { cause: error });
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}

async function warmAsOwner(config: Config, request: WarmRequest, onEvent: (event: WarmEvent) => void, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const owner = await CacheOwner.open({
    config,
    role: 'warm',
    waitMs: 0,
    signal: AbortSignal.any([signal, stop.signal]),
    onStop: () => stop.abort(new CommandError('INTERRUPTED', 'stopped by another command')),
  });
  try {
    await owner.warm(request, onEvent, signal);
    // Others may have come to the socket meanwhile; their work is not cut off.
    await owner.idle();
  } finally {
    await owner[Symbol.asyncDispose]();
  }
}

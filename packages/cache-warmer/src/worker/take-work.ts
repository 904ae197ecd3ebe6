import { availableParallelism } from 'node:os';
import type { ReceivedMessage } from '../queue/message-queue.ts';
import { PollDelay } from './poll-delay.ts';
import type { WorkerOptions } from './worker-options.ts';

/** While one thread waits for its server, another has the CPU; on a machine of one or two, more must wait at once. */
const ITEMS_PER_CPU = 2;
const FEWEST_ITEMS = 4;
/** A queue gives no more at once. */
const MOST_MESSAGES = 32;
/** Messages whose receipt is cut short stay leased for nobody, so it is left to end, also when the worker is to stop. */
const RECEIVE_LIMIT_MS = 10_000;

/**
 * Takes messages while there are any and hands each to `handle`, several at once, until it is to stop; then it waits for those under way.
 *
 * @param setState told when there is work, and when there is none.
 * @param handle must not reject.
 * @returns whether it ended because it was idle for long enough.
 */
export async function takeWork(
  options: WorkerOptions & { readonly leaseSeconds: number },
  stop: AbortSignal,
  setState: (state: 'busy' | 'idle') => void,
  handle: (message: ReceivedMessage) => Promise<void>,
): Promise<boolean> {
  const { work, leaseSeconds, clock, random, onEvent, idleExitSeconds = Infinity } = options;
  const concurrency = options.concurrency ?? Math.max(FEWEST_ITEMS, ITEMS_PER_CPU * availableParallelism());
  const running = new Set<Promise<void>>();
  const pause = new PollDelay(random);
  let idleSince: number | undefined;

  const start = (message: ReceivedMessage): void => {
    const run: Promise<void> = handle(message).finally(() => running.delete(run));
    running.add(run);
  };
  const receive = async (): Promise<ReceivedMessage[]> => {
    const count = Math.min(MOST_MESSAGES, concurrency - running.size);
    try {
      return await work.receive(count, leaseSeconds, AbortSignal.timeout(RECEIVE_LIMIT_MS));
    } catch (error) {
      onEvent({ kind: 'trouble', what: `no work can be taken from ${work.name}`, error });
      return [];
    }
  };

  while (!stop.aborted) {
    if (running.size >= concurrency) {
      await Promise.race(running);
      continue;
    }
    const received = await receive();
    for (const message of received) start(message);
    if (running.size > 0) {
      idleSince = undefined;
      setState('busy');
    } else {
      idleSince ??= clock.now();
      setState('idle');
      if (clock.now() - idleSince >= idleExitSeconds * 1000) return true;
    }
    if (received.length > 0) pause.reset();
    // Only a stop interrupts it.
    else await clock.sleep(pause.next(), stop).catch(() => undefined);
  }
  await Promise.all(running);
  return false;
}

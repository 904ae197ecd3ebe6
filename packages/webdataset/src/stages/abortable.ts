import { PulledSource } from './pulled-source.ts';
import { iterable, type Items, type PassingStage } from './stage.ts';

/**
 * Ends with the reason of a signal as soon as it is aborted, also while the source is being waited for. The source is closed then,
 * without waiting for it: a source that waits long should take the signal itself, as `samples` does. Reads nothing ahead.
 */
export function abortable(signal: AbortSignal): PassingStage {
  return <T>(items: Items<T>) =>
    iterable<T>(async function* () {
      signal.throwIfAborted();
      const source = new PulledSource(items);
      try {
        for (;;) {
          const item = await unlessAborted(source.next(), signal);
          if (item === undefined) return;
          yield item.value;
          signal.throwIfAborted();
        }
      } finally {
        const closed = source[Symbol.asyncDispose]();
        // A close that fails after the abort has no reader left: the reason of the abort is what the consumer gets.
        if (signal.aborted) closed.catch(() => undefined);
        else await closed;
      }
    });
}

/** Per item, because a promise of the abort that is raced for every item would keep them all alive. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

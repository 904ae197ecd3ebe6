import { codeOf } from '../failure.ts';
import type { Logger } from '../log.ts';
import { listen } from './channels.ts';

/** A backend that is down fails thousands of reads a second; one line of a kind in this time is enough, with the number of the rest. */
const REPEAT_MS = 10_000;

/** Writes what goes wrong inside the libraries to the log, until disposed. */
export function logEvents(log: Logger, now: () => number = Date.now): Disposable {
  const repeats = new Repeats(now);
  const subscriptions = [
    listen('warpforge:fuse-fs:read-error', ({ backend, path, error, errno }) => {
      const similar = repeats.next(`${backend} ${codeOf(error) ?? error.name} ${errno ?? 'stale'}`);
      if (similar === undefined) return;
      const fields = { backend, path, ...(errno === undefined ? {} : { errno }), ...kindOf(error), ...similar };
      if (errno === undefined) log.warn(fields, `the last known version serves, because the backend can't be asked: ${messages(error)}`);
      else log.error(fields, `a reader got ${errno}: ${messages(error)}`);
    }),
    listen('warpforge:fuse-fs:fault', ({ kind, error }) => {
      const similar = repeats.next(`fault ${kind}`);
      if (similar !== undefined) log.error({ kind, ...similar, stack: error.stack }, `fault of the mount: ${messages(error)}`);
    }),
    listen('warpforge:block-cache:corruption', ({ backend, path, kind, offset }) => {
      const similar = repeats.next(`corruption ${kind}`);
      if (similar !== undefined) {
        log.warn(
          { backend, path, kind, offset, ...similar },
          'the cache on disk is damaged here; it was dropped and is fetched again. If this repeats, check the disk',
        );
      }
    }),
    listen('warpforge:block-cache:degraded', ({ directory, operation, message }) => {
      const similar = repeats.next(`degraded ${operation}`);
      if (similar !== undefined) log.warn({ directory, operation, ...similar }, message);
    }),
  ];
  return {
    [Symbol.dispose]() {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
    },
  };
}

/** The message of an error and of what caused it, each once. */
function messages(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current instanceof Error && parts.length < 5; current = current.cause) {
    if (!parts.some((part) => part.includes(messageOf(current)))) parts.push(messageOf(current));
  }
  return parts.join(': ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The kind that the metrics know a backend's error by. */
function kindOf(error: Error): { readonly kind?: string } {
  return 'kind' in error && typeof error.kind === 'string' ? { kind: error.kind } : {};
}

/** Lets one event of a kind through in a time, and tells how many were held back since. */
class Repeats {
  readonly #now: () => number;
  readonly #seen = new Map<string, { at: number; held: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Fields for the log line, or undefined when there shall be none. */
  next(key: string): { readonly more?: number } | undefined {
    const now = this.#now();
    const last = this.#seen.get(key);
    if (last !== undefined && now - last.at < REPEAT_MS) {
      last.held++;
      return undefined;
    }
    this.#seen.set(key, { at: now, held: 0 });
    return last === undefined || last.held === 0 ? {} : { more: last.held };
  }
}

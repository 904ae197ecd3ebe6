import { channels, type DegradedEvent } from './events.ts';
import type { Counters } from './counters.ts';

/** After a failed write the disk is left alone for this long: a full disk answers every write with an error, and each costs a reader's time. */
const WRITE_PAUSE_MS = 5_000;

/** Codes that say "this disk takes nothing now", as against one bad file. */
const NO_WRITES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE', 'ENFILE']);

/** Keeps count of what the disk refuses and says when to try it again. Publishes `degraded` once per pause, not once per write. */
export class DiskHealth {
  readonly #directory: string;
  readonly #counters: Counters;
  readonly #now: () => number;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** When each write under way began, oldest first. */
  readonly #writes = new Set<{ readonly since: number }>();
  readonly #lastPublished = new Map<DegradedEvent['operation'], number>();

  constructor(directory: string, counters: Counters, now: () => number) {
    this.#directory = directory;
    this.#counters = counters;
    this.#now = now;
  }

  /** Whether writes are tried now. */
  get writable(): boolean {
    return this.#now() >= this.#pausedUntil;
  }

  /** How long the oldest write under way has taken by now, in milliseconds; 0 without one. */
  get lagMs(): number {
    for (const { since } of this.#writes) return this.#now() - since;
    return 0;
  }

  /** Notes that a write begins; the returned function notes its end. */
  beginWrite(): () => void {
    const write = { since: this.#now() };
    this.#writes.add(write);
    return () => this.#writes.delete(write);
  }

  /** No write is ever tried: the directory can't be used at all. */
  giveUp(message: string, error: unknown): void {
    this.#pausedUntil = Number.POSITIVE_INFINITY;
    this.report('open', message, error);
  }

  /** Notes a failed write. */
  writeFailed(error: unknown): void {
    if (NO_WRITES.has(codeOf(error))) this.#pausedUntil = Math.max(this.#pausedUntil, this.#now() + WRITE_PAUSE_MS);
    this.report('write', `cache disk refused a write (${codeOf(error)}); new data is served from the network without being kept`, error);
  }

  /** Counts a degradation, and publishes it unless the same kind was published a moment ago. */
  report(operation: DegradedEvent['operation'], message: string, error?: unknown): void {
    this.#counters.add('degradations', 1);
    const now = this.#now();
    if (now - (this.#lastPublished.get(operation) ?? Number.NEGATIVE_INFINITY) < WRITE_PAUSE_MS) return;
    this.#lastPublished.set(operation, now);
    const event: DegradedEvent = { directory: this.#directory, operation, message, ...(error === undefined ? {} : { error }) };
    channels.degraded.publish(event);
  }
}

/** The system's code of an error, or its name. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

import type { WarmEvent } from '../control/protocol.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import type { ProgressView } from './progress.ts';

type EventOf<Type extends WarmEvent['type']> = Omit<Extract<WarmEvent, { type: Type }>, 'type'>;

/** The outcome of a warm-up, as `--json` prints it. */
export interface WarmOutcome extends EventOf<'done'> {
  readonly backends: readonly EventOf<'backend'>[];
  /** Files that are not complete in the cache. */
  readonly failed: readonly EventOf<'failed'>[];
}

/** More would push what went well off the screen; `--json` has all. */
const FAILURES_SHOWN = 20;

/** Follows the events of a warm-up: shows its progress and keeps its outcome. */
export class WarmReport {
  readonly #view: ProgressView;
  readonly #backends: EventOf<'backend'>[] = [];
  readonly #failed: EventOf<'failed'>[] = [];
  #done: EventOf<'done'> = { files: 0, complete: 0, bytes: 0, fetchedBytes: 0, elapsedMs: 0 };

  constructor(view: ProgressView) {
    this.#view = view;
  }

  take(event: WarmEvent): void {
    switch (event.type) {
      case 'progress':
        this.#view.update(event);
        break;
      case 'failed':
        this.#failed.push(withoutType(event));
        break;
      case 'backend':
        this.#view.finish();
        this.#backends.push(withoutType(event));
        break;
      case 'done':
        this.#done = withoutType(event);
        break;
      case 'error':
        break;
    }
  }

  /** Ends the display. */
  close(): void {
    this.#view.finish();
  }

  get outcome(): WarmOutcome {
    return { ...this.#done, backends: this.#backends, failed: this.#failed };
  }
}

function withoutType<T extends { readonly type: string }>({ type: _type, ...rest }: T): Omit<T, 'type'> {
  return rest;
}

/** A line for each backend, and `Done: …` when every file is complete. */
export function describeOutcome(outcome: WarmOutcome): string {
  const lines = outcome.backends.map(
    ({ backend, files, complete, bytes, fetchedBytes, elapsedMs }) =>
      `${backend}: ${complete} of ${formatCount(files, 'file')} complete, ${formatBytes(bytes)}, of which ${formatBytes(fetchedBytes)} fetched in ${formatDuration(elapsedMs)}\n`,
  );
  if (outcome.failed.length === 0 && outcome.complete === outcome.files) {
    const { files, bytes, fetchedBytes, elapsedMs } = outcome;
    const rate = fetchedBytes === 0 ? 'nothing to fetch' : formatRate(fetchedBytes, elapsedMs);
    lines.push(
      `Done: Cache warming complete in ${formatDuration(elapsedMs)} (${formatCount(files, 'file')}, ${formatBytes(bytes)}, ${rate})\n`,
    );
  }
  return lines.join('');
}

/** What is not complete, and why. */
export function describeFailures({ files, failed }: WarmOutcome): string {
  const shown = failed.slice(0, FAILURES_SHOWN).map(({ backend, path, message }) => `  ${backend}:${path}: ${message}`);
  if (failed.length > FAILURES_SHOWN) shown.push(`  … and ${failed.length - FAILURES_SHOWN} more; --json lists all`);
  return [`${failed.length} of ${formatCount(files, 'file')} are not complete in the cache:`, ...shown].join('\n');
}

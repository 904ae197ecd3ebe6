import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';
import type { BlockCache, WarmProgress } from '@warpforge/block-cache';
import type { OpenBackend } from '../backends.ts';
import type { WarmEvent } from '../control/protocol.ts';
import { CommandError } from '../failure.ts';

/** Often enough for a progress bar, and nothing beside the work itself. */
const PROGRESS_EVERY_MS = 200;

/** What a warm-up works on. */
export interface WarmJob {
  readonly cache: BlockCache;
  /** All configured backends. */
  readonly backends: readonly OpenBackend[];
  /** Name of the backend to warm; all when absent. */
  readonly backend?: string | undefined;
  readonly prefix: string;
  readonly parallel?: number | undefined;
  readonly signal: AbortSignal;
  readonly emit: (event: WarmEvent) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number;
}

/**
 * Brings blobs into the cache and tells how it goes: `progress`, `failed` for each file that is not complete afterwards, `backend` at the
 * end of each backend, and `done`. Rejects when a listing fails, when there is no such backend, and when it is aborted.
 */
export async function warmBackends(job: WarmJob): Promise<void> {
  const { backends, now = () => performance.now() } = job;
  const chosen = job.backend === undefined ? backends : backends.filter(({ config }) => config.name === job.backend);
  if (chosen.length === 0) {
    throw new CommandError(
      'USAGE',
      `there is no backend "${job.backend ?? ''}"; configured: ${backends.map(({ config }) => config.name).join(', ')}`,
    );
  }
  const start = now();
  const sum = { files: 0, complete: 0, bytes: 0, fetchedBytes: 0 };
  for (const { backend } of chosen) {
    const result = await warmOne(job, backend, now);
    sum.files += result.files;
    sum.complete += result.complete;
    sum.bytes += result.bytes;
    sum.fetchedBytes += result.fetchedBytes;
  }
  job.emit({ type: 'done', ...sum, elapsedMs: now() - start });
}

interface Counts {
  readonly files: number;
  readonly complete: number;
  readonly bytes: number;
  readonly fetchedBytes: number;
}

async function warmOne(job: WarmJob, backend: BlobBackend, now: () => number): Promise<Counts> {
  const { cache, emit } = job;
  const start = now();
  // Two listings run: one feeds the warm-up as fast as that goes, with nothing kept in memory, and one counts, so that the totals are
  // known early. 5,000 names are one request.
  const abort = new AbortController();
  const signal = AbortSignal.any([job.signal, abort.signal]);
  const totals = { files: 0, bytes: 0, listed: false };
  const counting = (async () => {
    for await (const { size } of listBlobs(backend, job.prefix, signal)) {
      totals.files++;
      totals.bytes += size;
    }
    totals.listed = true;
  })();
  // A failure of this listing is that of the other one too, which tells it.
  counting.catch(() => undefined);

  let last: WarmProgress = { files: 0, filesDone: 0, bytes: 0, bytesDone: 0, fetchedBytes: 0 };
  const tell = (): void => {
    const files = Math.max(totals.files, last.files);
    const bytes = Math.max(totals.bytes, last.bytes);
    emit({ type: 'progress', backend: backend.name, ...last, files, bytes, listed: totals.listed, elapsedMs: now() - start });
  };
  const timer = setInterval(tell, PROGRESS_EVERY_MS);
  try {
    const report = await cache.warm(backend, listBlobs(backend, job.prefix, signal), {
      ...(job.parallel === undefined ? {} : { parallelFiles: job.parallel }),
      signal,
      onProgress: (progress) => (last = progress),
    });
    tell();
    for (const { path, error } of report.failed) emit({ type: 'failed', backend: backend.name, path, message: error.message });
    const { files, complete, bytes, fetchedBytes } = report;
    emit({ type: 'backend', backend: backend.name, files, complete, bytes, fetchedBytes, elapsedMs: now() - start });
    return report;
  } finally {
    clearInterval(timer);
    abort.abort();
    await counting.catch(() => undefined);
  }
}

async function* listBlobs(backend: BlobBackend, prefix: string, signal: AbortSignal): AsyncIterable<BlobProperties> {
  for await (const { blobs } of backend.list({ prefix, signal })) yield* blobs;
}

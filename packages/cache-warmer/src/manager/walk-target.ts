import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';
import { targetSources } from '../job/target-sources.ts';
import { describeTarget } from '../job/warm-job.ts';
import { makeManifest, publishManifest } from '../manifest/make-manifest.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { Mounter } from '../mount/mounter.ts';
import type { AcceptedJob } from '../records/job-records.ts';
import type { RecordStore } from '../records/record-store.ts';
import { walkTarget } from '../walk/walk.ts';
import { JobError } from './job-error.ts';

/** A server that restarts is back within this time; a path that is wrong stays wrong. */
const TRIES = 3;
const RETRY_MS = 10_000;

/** What a walk needs. */
export interface WalkParts {
  readonly store: RecordStore;
  readonly mounter: Mounter;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly onEvent: OnEvent;
  /** Told while the walk goes on. */
  onProgress(found: { readonly files: number; readonly bytes: number }): void;
}

/**
 * Walks a job's target through the first address that gives it, and publishes the manifest. When another manager has published one
 * meanwhile, that is the manifest.
 *
 * @throws {JobError} when no address gives the target, after some tries.
 */
export async function walkJob(job: AcceptedJob, parts: WalkParts, signal: AbortSignal): Promise<Manifest> {
  const sources = targetSources(job.warmJob.target);
  for (let attempt = 1; ; attempt++) {
    const reasons: string[] = [];
    for (const { address, source, path } of sources) {
      let manifest: Manifest;
      try {
        await using mount = await parts.mounter.mount(source, signal);
        const entries = await walkTarget(mount.path, path, signal);
        manifest = await makeManifest(
          { job: job.id, warmJob: job.warmJob, walk: parts.newId(), store: parts.store, onProgress: (found) => parts.onProgress(found) },
          entries,
          signal,
        );
      } catch (error) {
        signal.throwIfAborted();
        if (!isAddressFault(error)) throw error;
        parts.onEvent({ kind: 'trouble', what: `walk through ${address}`, error });
        reasons.push(`${address}: ${error instanceof Error ? error.message : String(error)}`);
        continue;
      }
      return await publishManifest(parts.store, job.id, manifest, signal);
    }
    if (attempt === TRIES) {
      throw new JobError(`${describeTarget(job.warmJob.target)} cannot be walked:\n${reasons.map((reason) => `  ${reason}`).join('\n')}`);
    }
    await parts.clock.sleep(RETRY_MS, signal);
  }
}

/** Faults of the address or of what it serves; those of the record store are not. */
function isAddressFault(error: unknown): boolean {
  return error instanceof Error && (error.name === 'MountError' || error.name === 'WalkError');
}

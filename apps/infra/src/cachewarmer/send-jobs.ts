import type { CacheWarmerStorage, WarmJob } from '@warpforge/cache-warmer';
import { CommandError } from '../failure.ts';
import { formatCount } from '../format.ts';

/** Puts jobs on the queue. Prints each id as soon as it is known, so that none is lost when a later job cannot be sent. */
export async function sendJobs(
  storage: CacheWarmerStorage,
  jobs: readonly WarmJob[],
  json: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const { describeTarget, formatWarmJob } = await import('@warpforge/cache-warmer');
  const ids: string[] = [];
  for (const job of jobs) {
    try {
      const id = await storage.jobs.send(formatWarmJob(job), signal);
      const target = describeTarget(job.target);
      process.stdout.write(json ? `${JSON.stringify({ job: id, target })}\n` : `${id}  ${target}\n`);
      ids.push(id);
    } catch (cause) {
      if (ids.length === 0) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      const sent = `${ids.length} of ${formatCount(jobs.length, 'job')} are on the queue, those above; the others were not sent`;
      throw new CommandError('NOT_DONE', `${sent}: ${why}`, { cause });
    }
  }
  if (!json) process.stdout.write(`${formatCount(ids.length, 'job')} on the queue ${storage.jobs.name}.\n`);
  return ids;
}

import { DemoError } from '../errors.ts';
import type { JobContext } from '../job-context.ts';
import type { ShardReading } from '../reading/shard-reading.ts';
import { formatBytes } from '../terminal.ts';

/** Brings every shard into the cache, and checks that every one of them is complete there afterwards. */
export async function warmShards({ terminal }: JobContext, reading: ShardReading, shards: number): Promise<void> {
  const outcomes = await reading.warm();
  for (const { backend, files, complete, bytes, fetchedBytes, elapsedMs } of outcomes) {
    if (complete !== files)
      throw new DemoError('WARM_INCOMPLETE', `${backend}: only ${complete} of ${files} files are complete in the cache`);
    const rate = `${formatBytes((1000 * fetchedBytes) / Math.max(1, elapsedMs))}/s`;
    terminal.detail(
      `${backend}: ${complete} of ${files} files complete and verified, ${formatBytes(bytes)}, of which ${formatBytes(fetchedBytes)} fetched (${rate})`,
    );
  }
  const complete = outcomes.reduce((sum, outcome) => sum + outcome.complete, 0);
  if (complete !== shards)
    throw new DemoError('WARM_INCOMPLETE', `${complete} files are complete in the cache, and ${shards} were uploaded`);
}

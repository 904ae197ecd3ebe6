import { isUrl } from '../../source/shard-input.ts';
import { CommandError } from '../failure.ts';
import { formatCount } from '../format.ts';
import { startProgress } from '../progress.ts';
import type { CommandContext } from '../run.ts';
import { forEachShard } from '../shards.ts';
import { checkIndexBeside, type IndexOutcome, writeIndexBeside } from './index-beside.ts';

/** How to index. */
export interface IndexAllOptions {
  readonly check: boolean;
  readonly force: boolean;
  readonly jobs: number;
  readonly json: boolean;
}

/** Writes or checks the indexes of shards, some at a time, and prints what became of each. */
export async function indexAll(shards: readonly string[], options: IndexAllOptions, context: CommandContext): Promise<void> {
  const { check, force, jobs, json } = options;
  const url = shards.find(isUrl);
  if (url !== undefined && !check) {
    throw new CommandError('USAGE', `no index can be written beside a URL (${url}); index the files before they are uploaded`);
  }
  const { signal, output } = context;
  const counts: Record<IndexOutcome['status'], number> = { written: 0, fresh: 0, correct: 0 };
  let samples = 0;
  let done = 0;
  using progress = await startProgress(check ? 'checking' : 'indexing', 'shards');
  const complain = (error: unknown): void => {
    progress.hide();
    context.complain(error);
  };
  const work = async (shard: string): Promise<void> => {
    try {
      const outcome = check ? await checkIndexBeside(shard, signal) : await writeIndexBeside(shard, { force, signal });
      counts[outcome.status] += 1;
      samples += outcome.samples;
      if (!json) return;
      progress.hide();
      await output.line(JSON.stringify(outcome));
    } finally {
      done += 1;
      progress.update({ done, total: shards.length });
    }
  };
  try {
    await forEachShard(shards, { signal, complain }, work, jobs);
  } finally {
    const { written, fresh, correct } = counts;
    progress.hide();
    const what = check ? `${formatCount(correct, 'index')} correct` : `${formatCount(written, 'index')} written, ${fresh} fresh`;
    if (!json && !signal.aborted) await output.line(`${what}, ${formatCount(samples, 'sample')}`);
  }
}

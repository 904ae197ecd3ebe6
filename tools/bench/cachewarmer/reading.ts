import { memoryStorage } from '@warpforge/cache-warmer/testing';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../command.ts';
import type { Progress } from '../reading.ts';
import { compare, ratioOf, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { warmInOneProcess } from './one-process.ts';
import { jobOf, writeTree, type Tree } from './tree.ts';

const MIB = 1024 ** 2;
const SMALL = { files: 20_000, size: 16 * 1024 };
const LARGE = { files: 4, size: 1024 * MIB };

/** What reading must reach of `find | xargs cat`. */
const SMALL_BAR = 1;
const SMALL_AIM = 1.5;
const LARGE_BAR = 0.95;

/** Walks and reads trees that are in the page cache, beside `find … | xargs cat`; queue and records are in memory. */
export async function compareReading(folder: string, progress: Progress): Promise<Verdict[]> {
  const small = await writeTree(join(folder, 'small'), SMALL.files, SMALL.size);
  const verdicts = [
    await compareTree(small, {
      question: `Walking and reading ${SMALL.files.toLocaleString('en-US')} files of 16 KiB: manager and worker against find | xargs -P 8 cat`,
      ...{ bar: SMALL_BAR, aim: SMALL_AIM, progress },
    }),
  ];
  await rm(small.node, { recursive: true });
  const large = await writeTree(join(folder, 'large'), LARGE.files, LARGE.size);
  verdicts.push(
    await compareTree(large, {
      question: `Walking and reading ${LARGE.files} files of 1 GiB: manager and worker against find | xargs -P 8 cat`,
      ...{ bar: LARGE_BAR, progress },
    }),
  );
  await rm(large.node, { recursive: true });
  return verdicts;
}

async function compareTree(
  tree: Tree,
  { question, bar, aim, progress }: { readonly question: string; readonly bar: number; readonly aim?: number; readonly progress: Progress },
): Promise<Verdict> {
  progress(question);
  const command = `find ${tree.node} -type f -print0 | xargs -0 -P 8 cat > /dev/null`;
  const rate = (milliseconds: number): number => tree.bytes / 1e3 / milliseconds;
  const contenders = [
    {
      name: 'find | xargs -P 8 cat',
      async measure() {
        const started = performance.now();
        if (!(await runCommand('sh', ['-c', command]))) throw new Error(`${command} failed`);
        return rate(performance.now() - started);
      },
    },
    { name: 'manager and worker', measure: async () => rate((await warmInOneProcess(memoryStorage('cw', Date.now), jobOf(tree))).working) },
  ];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} MB/s`),
  );
  const [plain, measured] = series as [Series, Series];
  return {
    question,
    value: ratioOf(measured, plain),
    bar,
    ...(aim === undefined ? {} : { aim }),
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: 'MB/s',
    commands: [command.replace(tree.node, '<folder>'), 'runManager(…) and runWorker(…) in one process, memoryStorage(…)'],
  };
}

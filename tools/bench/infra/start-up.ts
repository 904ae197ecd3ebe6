import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from '../reading.ts';
import { compare, median, type Contender, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';

const run = promisify(execFile);
const BIN = join(import.meta.dirname, '../../../apps/infra/bin/warpforge-infra.mjs');

/** What the help may take beyond starting Node: less than a person notices. */
const HELP_BAR_MS = 300;
const PLAN_BAR_MS = 1000;

/** How long the command takes from its start to its end, each time as a new process, from source. */
export async function measureStartUp(folder: string, progress: Progress): Promise<Verdict[]> {
  progress('Start of warpforge-infra');
  const contenders = [
    contender('node -e 0', ['-e', '0'], folder),
    contender('warpforge-infra --help', [BIN, '--help'], folder),
    contender('warpforge-infra plan --offline', [BIN, 'plan', '--offline'], folder, { NODE_DISABLE_COMPILE_CACHE: '1' }),
  ];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value)} ms`),
  );
  const [node, help, plan] = series as [Series, Series, Series];
  return [
    {
      question: 'Time of `warpforge-infra --help`, beyond that of `node -e 0`, from the second start on',
      value: median(help.values.map((value, round) => value - (node.values[round] ?? Number.NaN))),
      bar: HELP_BAR_MS,
      sense: 'at-most',
      unit: 'ms',
      series: [node, help],
      seriesUnit: 'ms',
      commands: ['node -e 0', 'warpforge-infra --help'],
    },
    {
      question: 'Time of `warpforge-infra plan --offline`, as at the first start: nothing compiled is kept',
      value: plan.median,
      bar: PLAN_BAR_MS,
      sense: 'at-most',
      unit: 'ms',
      series: [plan],
      seriesUnit: 'ms',
      commands: ['warpforge-infra plan --offline'],
    },
  ];
}

function contender(name: string, args: readonly string[], folder: string, variables: Readonly<Record<string, string>> = {}): Contender {
  // Nothing of this process's surroundings decides what is planned. Compiled code is kept in the home, which is empty at the warm-up.
  const environment = { PATH: process.env['PATH'], HOME: folder, ...variables };
  return {
    name,
    async measure() {
      const start = performance.now();
      await run(process.execPath, args, { cwd: folder, env: environment });
      return performance.now() - start;
    },
  };
}

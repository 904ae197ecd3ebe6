/** A whole CacheWarmer on this machine, from nothing to the report: `npm run cachewarmer-demo`, `nx run infra:cachewarmer-demo`. */
import { Command } from 'commander';
import { constants } from 'node:os';
import { parsePositiveInteger } from './positive-integer.ts';
import { DemoFailure, DemoInterrupted } from './program.ts';

const EXAMPLES = `
Starts Azurite for the queues and records, makes two folders that stand for two cache nodes with the same files, sends a job, and lets a manager
with workers of this machine warm it. Nothing is left behind.

Examples:
  $ npm run cachewarmer-demo
  $ npm run cachewarmer-demo -- --files 50000 --workers 2
  $ npm run cachewarmer-demo -- --json | jq '{files, bytes, seconds, addresses}'

Exit codes: 0 everything is warm, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`;

interface Options {
  readonly files: number;
  readonly workers: number;
  readonly json?: true;
}

const program = new Command('npm run cachewarmer-demo --')
  .description('Warms two folders through a queue, with everything on this machine.')
  .option('--files <n>', 'small files to make, beside a large one', parsePositiveInteger, 2_000)
  .option('--workers <n>', 'the most workers at a time', parsePositiveInteger, 2)
  .option('--json', 'print only the report, as JSON')
  .addHelpText('after', EXAMPLES)
  .showHelpAfterError('(--help shows the options)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(async ({ files, workers, json }: Options) => {
    // Only now: help must not wait for it.
    const { runDemo } = await import('./demo.ts');
    await runDemo({ files, workers, json: json === true });
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof DemoInterrupted) {
    process.stderr.write(`cachewarmer-demo: stopped by ${error.signal}, nothing is left\n`);
    process.exitCode = 128 + constants.signals[error.signal];
  } else {
    const unforeseen = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`cachewarmer-demo: ${error instanceof DemoFailure ? error.message : unforeseen}\n`);
    process.exitCode = 1;
  }
}

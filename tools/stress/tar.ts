import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { print, wholeNumber } from './command-line.ts';
import { Progress } from './progress.ts';
import { runTarSuite } from './tar/suite.ts';

/** `npm run stress -- tar` */
export const tar = new Command('tar')
  .description('breaks archives in every way, and reads them: right samples, or an error that says where')
  .option('--archives <count>', 'how many', wholeNumber(), 1_000_000)
  .option('--seed <number>', 'the same seed and numbers give the same archives', wholeNumber(), 1)
  .option('--first <number>', 'where to begin, as a failure says', wholeNumber(), 0)
  .option('--workers <count>', 'threads', wholeNumber(), availableParallelism())
  .addHelpText('after', '\nExamples:\n  $ npm run stress -- tar\n  $ npm run stress -- tar --seed 7 --first 1234 --archives 1\n')
  .action(async (options: { archives: number; seed: number; first: number; workers: number }) => {
    const { seed, archives } = options;
    const started = performance.now();
    using progress = new Progress('archives', archives);
    const { tally, judged, failure } = await runTarSuite({ ...options, onProgress: (done) => progress.update(done) });
    progress[Symbol.dispose]();
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    if (failure !== undefined) {
      print(`\nFAILED  archive ${failure.number} of seed ${seed}, after ${seconds} s`);
      print(`${failure.message}\n`);
      print(`again:  npm run stress -- tar --seed ${seed} --first ${failure.number} --archives 1`);
      process.exitCode = 1;
      return;
    }
    print(`\nPASSED  ${archives} archives of seed ${seed} in ${seconds} s`);
    print(`  read to their end         ${tally.accepted}`);
    for (const [code, count] of Object.entries(tally.refused).sort()) print(`  refused, ${code.padEnd(17)}${count}`);
    print(`  broken where it is allowed ${tally.harmless}`);
    print(`  read by Python, too       ${judged ?? 'none: python3 is not installed'}`);
  });

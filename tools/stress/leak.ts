import { Command } from 'commander';
import { print, wholeNumber } from './command-line.ts';
import { runLeakSuite } from './leak/suite.ts';
import { Progress } from './progress.ts';

/** Fewer leave too little between the epochs that are compared. */
const LEAST_EPOCHS = 50;

/** `npm run stress -- leak` */
export const leak = new Command('leak')
  .description('runs epochs of the loader: whole, left, resumed, with faults; memory, open files and threads must not grow')
  .option('--epochs <count>', 'how many', wholeNumber(LEAST_EPOCHS), 1000)
  .action(async ({ epochs }: { epochs: number }) => {
    using progress = new Progress('epochs', epochs);
    const { before, after, closed, faults } = await runLeakSuite(epochs, (done) => progress.update(done));
    progress[Symbol.dispose]();
    const rows = [
      ['heap', before.heapBytes, after.heapBytes],
      ['outside the heap', before.externalBytes, after.externalBytes],
      ['heaps of the threads', before.threadHeapBytes, after.threadHeapBytes],
      ['resident', before.residentBytes, after.residentBytes],
    ] as const;
    print(
      `\n${faults.length === 0 ? 'PASSED' : 'FAILED'}  ${epochs} epochs; measured from epoch ${before.epoch} and from epoch ${after.epoch} on`,
    );
    for (const [what, from, to] of rows) print(`  ${what.padEnd(22)}${mebibytes(from)} to ${mebibytes(to)} MiB, ${mebibytes(to - from)}`);
    print(`  open files            ${before.descriptors} to ${after.descriptors}; ${closed.descriptors} when it is closed`);
    print(`  threads               ${before.threads} to ${after.threads}; ${closed.threads} when it is closed`);
    for (const fault of faults) print(`  ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  });

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(2);
}

import { runLeakSuite } from '../../stress/leak/suite.ts';
import type { Progress } from '../reading.ts';
import type { Verdict } from '../verdict.ts';

const EPOCHS = 1000;

/** How much memory epochs leave behind, however they end: the measurement of `npm run stress -- leak`. */
export async function measureHeapGrowth(progress: Progress): Promise<Verdict> {
  const question = `Growth of the heap over ${EPOCHS.toLocaleString('en-US')} epochs: whole, left, resumed, with faults`;
  progress(question);
  const { before, after, faults } = await runLeakSuite(EPOCHS, () => undefined);
  const value = (after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes) / 1024 ** 2;
  progress(`  ${value.toFixed(2)} MiB`);
  for (const fault of faults) progress(`  ${fault}`);
  return {
    question,
    value,
    bar: 5,
    aim: 0,
    sense: 'at-most',
    unit: 'MiB',
    series: [],
    seriesUnit: 'MiB',
    commands: [`npm run stress -- leak --epochs ${EPOCHS}`],
  };
}

/**
 * Stops in the middle of an epoch, and goes on later exactly where it stopped, with another number of workers.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { integer, Loader, type LoaderState } from '@warpforge/webdataset';

const options = { shards: 'data/train', fields: { label: integer({ from: ['cls'] }) }, batchSize: 16, seed: 7 } as const;

{
  await using loader = await Loader.open({ ...options, workers: 2 });
  for await (using batch of loader.epoch(0)) {
    console.log(`before: ${batch.__key__[0]}`);
    if (batch.__key__.length < 16) continue;
    await writeFile('state.json', JSON.stringify(batch.state()));
    break;
  }
}

await using loader = await Loader.open({ ...options, workers: 0 });
const state = JSON.parse(await readFile('state.json', 'utf8')) as LoaderState;
let rest = 0;
for await (using batch of loader.resume(state)) rest += batch.size;
console.log(`after: ${rest} of 60 samples`);

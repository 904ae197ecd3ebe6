/**
 * Stops in the middle of an epoch, and goes on later exactly where it stopped, with another number of workers.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { integer, Loader, type LoaderState } from '@warpforge/webdataset';

const options = { shards: 'data/train', fields: { label: integer({ from: ['cls'] }) }, batchSize: 16, seed: 7 } as const;
const keys: string[] = [];

{
  await using loader = await Loader.open({ ...options, workers: 2 });
  for await (using batch of loader.epoch(0)) {
    keys.push(...batch.__key__);
    if (keys.length < 32) continue;
    // As a checkpoint would: where the loader stands right behind this batch.
    await writeFile('state.json', JSON.stringify(batch.state()));
    break;
  }
}
console.log(`stopped after ${keys.length} samples`);

await using loader = await Loader.open({ ...options, workers: 0 });
const state = JSON.parse(await readFile('state.json', 'utf8')) as LoaderState;
for await (using batch of loader.resume(state)) keys.push(...batch.__key__);

const uninterrupted: string[] = [];
for await (using batch of loader.epoch(0)) uninterrupted.push(...batch.__key__);
console.log(`${keys.length} samples in the order of an uninterrupted epoch: ${keys.join() === uninterrupted.join()}`);

/**
 * Decodes a field with a function of one's own. It runs in the worker threads, which closures cannot reach, so it is a module.
 */
import { fromModule, Loader } from '@warpforge/webdataset';
import type { Parity } from './parity-decoder.ts';

await using loader = await Loader.open({
  shards: 'data/train',
  fields: { parity: fromModule<Parity>(new URL('./parity-decoder.ts', import.meta.url), { from: ['json'], options: { odd: 'uneven' } }) },
  batchSize: 30,
  shuffle: false,
});

for await (using batch of loader.epoch(0)) console.log(batch.parity.slice(0, 3).join(', '));

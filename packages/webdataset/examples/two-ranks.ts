/**
 * Two processes share a data set: each gets an equal part of every epoch, so that they stay in step.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Loader } from '@warpforge/webdataset';

const rank = process.argv[2];
if (rank === undefined) {
  const processes = [0, 1].map((each) => fork(import.meta.filename, [String(each)]));
  await Promise.all(processes.map((child) => once(child, 'exit')));
} else {
  // Whichever comes first makes the indexes that are missing; the other waits for none of it.
  await using loader = await Loader.open({ shards: 'data/train', fields: ['cls'], batchSize: 8, rank: Number(rank), worldSize: 2 });
  const keys = new Set<string>();
  for await (using batch of loader.epoch(0)) for (const key of batch.__key__) keys.add(key);
  console.log(`rank ${rank}: ${keys.size} samples`);
}

/**
 * Runs many epochs and prints by how many bytes the heap, and the memory outside it that the heap keeps, has grown. Without workers all
 * work is done in this thread, whose heap is the one that is measured; with workers, what passes between the threads shows.
 *
 * usage: node --expose-gc heap-process.ts EPOCHS IMAGE_SIZE SHARD…
 */
import { image, integer, Loader } from '@warpforge/webdataset';

const [epochs = 0, size = 0] = process.argv.slice(2, 4).map(Number);
const shards = process.argv.slice(4);
/** Epochs after which code is compiled, caches are full and buffers have their size. */
const WARM_UP = 100;

let growth = 0;
for (const workers of [0, 1]) {
  const fields = { jpg: image({ height: size, width: size }), cls: integer() };
  await using loader = await Loader.open({ shards, fields, batchSize: 8, workers });
  const run = async (from: number, to: number): Promise<void> => {
    for (let epoch = from; epoch < to; epoch++) for await (const batch of loader.epoch(epoch)) batch.release();
  };
  await run(0, WARM_UP);
  const before = usedMemory();
  await run(WARM_UP, WARM_UP + epochs);
  growth += usedMemory() - before;
}
process.stdout.write(`${growth}\n`);

function usedMemory(): number {
  if (globalThis.gc === undefined) throw new Error('start node with --expose-gc');
  // What a finalizer frees is collected in the next round.
  for (let round = 0; round < 3; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

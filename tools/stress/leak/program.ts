/**
 * Runs epochs of a loader in every way that epochs end, and measures after each what the process holds. A program of its own, started
 * with `--expose-gc`: `program.ts EPOCHS`. Each line that it prints is a {@link Measurement}.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import turbo from '@julusian/jpeg-turbo';
import { bytes, image, integer, Loader, type LoaderOptions, ShardWriter } from '@warpforge/webdataset';
import type { Measurement } from './measurement.ts';

const fields = {
  image: image({ height: 16, width: 16, flip: true, from: ['jpg'] }),
  label: integer({ from: ['cls'] }),
  raw: bytes({ from: ['bin'] }),
};

/** Threads are started anew every so many epochs: starting them takes longer than an epoch of this data set. */
const EPOCHS_A_LOADER = 25;

const workers = new Set<Worker>();
process.on('worker', (worker) => {
  workers.add(worker);
  worker.once('exit', () => workers.delete(worker));
});

/** Three shards, one of them compressed, with a corrupt image in each. */
async function writeShards(directory: string): Promise<string[]> {
  const picture = turbo.compressSync(Buffer.alloc(16 * 16 * 3, 'pixels'), {
    width: 16,
    height: 16,
    format: turbo.FORMAT_RGB,
    subsampling: turbo.SAMP_444,
    quality: 90,
  });
  await using writer = new ShardWriter({ directory, maxCount: 20 });
  for (let index = 0; index < 60; index++) {
    const jpg = index % 20 === 7 ? picture.subarray(0, 100) : picture;
    await writer.write({ __key__: String(index), jpg, cls: index, bin: Buffer.alloc(5000, index) });
  }
  const paths = (await writer.close()).map(({ path }) => path);
  const [first = ''] = paths;
  await writeFile(first, gzipSync(await readFile(first)));
  return paths;
}

/** One epoch of many that differ in how they end. */
async function runEpoch(loader: Loader<typeof fields>, number: number): Promise<void> {
  const late: Disposable[] = [];
  let state;
  let batches = 0;
  for await (const batch of loader.epoch(number)) {
    batches++;
    state = batch.state();
    if (number % 4 === 1) late.push(batch);
    else batch.release();
    if (late.length === 3) late.shift()?.[Symbol.dispose]();
    if (number % 4 > 1 && batches === 2) break; // The rest is left, or resumed.
  }
  for (const batch of late) batch[Symbol.dispose]();
  if (number % 4 !== 3 || state === undefined) return;
  for await (const batch of loader.resume(state)) batch.release();
}

async function measure(epoch: number): Promise<Measurement> {
  // Two turns: what one collection lets go may be held by the next one's finalizers.
  for (let turn = 0; turn < 2; turn++) {
    await setImmediate();
    globalThis.gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  let threadHeaps = 0;
  // Idle threads do not keep the process alive, and so neither does asking them.
  const alive = setInterval(() => undefined, 1000);
  for (const worker of workers) threadHeaps += (await worker.getHeapStatistics()).used_heap_size;
  clearInterval(alive);
  return {
    epoch,
    heapBytes: heapUsed,
    externalBytes: external,
    threadHeapBytes: threadHeaps,
    residentBytes: rss,
    addressBytes: 1024 * Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  };
}

const epochs = Number(process.argv[2] ?? 100);
const directory = await mkdtemp(join(tmpdir(), 'warpforge-leak-'));
try {
  const options: LoaderOptions<typeof fields> = {
    shards: await writeShards(directory),
    fields,
    batchSize: 8,
    workers: 2,
    shuffleBuffer: 30,
    onError: 'skip',
  };
  for (let epoch = 0; epoch < epochs;) {
    await using loader = await Loader.open(options);
    for (const end = Math.min(epochs, epoch + EPOCHS_A_LOADER); epoch < end; epoch++) {
      await runEpoch(loader, epoch);
      if (epoch % 5 === 4) process.stdout.write(`${JSON.stringify(await measure(epoch + 1))}\n`);
    }
  }
} finally {
  await rm(directory, { recursive: true });
}
process.stdout.write(`${JSON.stringify(await measure(epochs))}\n`);

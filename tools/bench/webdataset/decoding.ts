import turbo from '@julusian/jpeg-turbo';
import { image, integer, Loader, readTar } from '@warpforge/webdataset';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from '../reading.ts';
import { compare, ratioOf, type Contender, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { IMAGE_SIZE, writePhotographs } from './shards.ts';

const run = promisify(execFile);
/** Debian's own, whose Pillow is measured, whatever else comes first on PATH. */
const PYTHON = '/usr/bin/python3';
const PYTHON_LOOP = join(import.meta.dirname, 'python-loop.py');

const BATCH_SIZE = 64;

const SETTINGS = 'Loader.open({ shards, batchSize: 64, fields: { jpg: image({ height: 224, width: 224 }), cls: integer() }, workers })';

/** Decodes the same photographs in a bare loop, through the loader with one and with two workers, and in Python. */
export async function compareDecoding(folder: string, progress: Progress): Promise<Verdict[]> {
  progress('Decoding 224 x 224 JPEGs: a bare loop, the loader, Python');
  const shards = await writePhotographs(join(folder, 'photographs'));
  await using one = await loaderContender('loader, 1 worker', shards, 1);
  await using two = await loaderContender('loader, 2 workers', shards, 2);
  const contenders = [await bareLoop(shards), one, two, pythonLoop(shards)];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} samples/s`),
  );
  const [bare, single, double, python] = series as [Series, Series, Series, Series];
  const common = { sense: 'at-least', unit: 'ratio', seriesUnit: 'samples/s' } as const;
  return [
    {
      ...common,
      question: 'Samples/s into a uint8 batch, one worker, against the bare decoder in a loop',
      value: ratioOf(single, bare),
      bar: 0.85,
      aim: 0.95,
      series: [bare, single],
      commands: [`${SETTINGS} // 1`, 'for (const jpeg of inMemory) turbo.decompressSync(jpeg, target, { format: turbo.FORMAT_RGB })'],
    },
    {
      ...common,
      question: 'Samples/s of two workers on two cores against one',
      value: ratioOf(double, single),
      bar: 1.6,
      aim: 1.9,
      series: [single, double],
      commands: [`${SETTINGS} // 1 and 2`],
    },
    {
      ...common,
      question: 'Samples/s of the loader, two workers, against a Python loop (tarfile, grouping of webdataset, Pillow)',
      value: ratioOf(double, python),
      bar: 2,
      aim: 4,
      series: [python, double],
      commands: [`${SETTINGS} // 2`, `${PYTHON} tools/bench/webdataset/python-loop.py <shards>`],
    },
  ];
}

async function loaderContender(name: string, shards: readonly string[], workers: number): Promise<Contender & AsyncDisposable> {
  const fields = { jpg: image({ height: IMAGE_SIZE, width: IMAGE_SIZE }), cls: integer() };
  const loader = await Loader.open({ shards, fields, batchSize: BATCH_SIZE, workers });
  let epoch = 0;
  return {
    name,
    async measure() {
      const started = performance.now();
      let samples = 0;
      for await (const batch of loader.epoch(epoch++)) {
        samples += batch.size;
        batch.release();
      }
      return (samples * 1000) / (performance.now() - started);
    },
    [Symbol.asyncDispose]: () => loader[Symbol.asyncDispose](),
  };
}

/** The decoder alone: no files, no tar, no threads, no batches. */
async function bareLoop(shards: readonly string[]): Promise<Contender> {
  const jpegs: Buffer[] = [];
  for (const shard of shards) {
    for await (const { member, data } of readTar(shard)) if (member.name.endsWith('.jpg')) jpegs.push(Buffer.from(data));
  }
  const target = Buffer.alloc(IMAGE_SIZE * IMAGE_SIZE * 3);
  return {
    name: 'bare decoder',
    measure() {
      const started = performance.now();
      for (const jpeg of jpegs) turbo.decompressSync(jpeg, target, { format: turbo.FORMAT_RGB });
      return Promise.resolve((jpegs.length * 1000) / (performance.now() - started));
    },
  };
}

function pythonLoop(shards: readonly string[]): Contender {
  return {
    name: 'Python',
    async measure() {
      const { stdout } = await run(PYTHON, [PYTHON_LOOP, ...shards]);
      return Number(stdout);
    },
  };
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Measurement } from './measurement.ts';

/** How much of the main thread's heap, and of the memory that it holds outside, may be more at the end than after the first fifth. */
const MAX_GROWTH_BYTES = 5 * 1024 * 1024;

/**
 * What garbage collection in other threads leaves lying about: nobody can ask for it, so their heaps are compared by the least of many
 * measurements, and may differ by a part of a young generation.
 */
const MAX_THREAD_GROWTH_BYTES = 16 * 1024 * 1024;

/** Half of the file windows that each loader shares with its threads: one that is not given back is seen. */
const MAX_ADDRESS_GROWTH_BYTES = 64 * 1024 * 1024;

/** What came of the epochs. */
export interface LeakReport {
  readonly before: Measurement;
  readonly after: Measurement;
  /** After the loader was closed. */
  readonly closed: Measurement;
  /** What has grown too much; none when nothing has. */
  readonly faults: readonly string[];
}

/** Runs so many epochs in a process of their own. */
export async function runLeakSuite(epochs: number, onProgress: (done: number) => void = () => undefined): Promise<LeakReport> {
  const measurements: Measurement[] = [];
  const program = join(import.meta.dirname, 'program.ts');
  const child = execFile(process.execPath, ['--expose-gc', '--conditions=@warpforge/source', program, String(epochs)]);
  const ended = new Promise<void>((resolve, reject) => {
    let errors = '';
    child.stderr?.on('data', (text: string) => (errors += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`the program ended with ${code}: ${errors}`))));
  });
  const lines = child.stdout;
  if (lines === null) throw new Error('the program has no output');
  for await (const line of createInterface(lines)) {
    const measurement = JSON.parse(line) as Measurement;
    measurements.push(measurement);
    onProgress(measurement.epoch);
  }
  await ended;
  return judge(measurements);
}

/** Compares the end with the state after the first fifth, when code is compiled and caches are filled. */
function judge(measurements: readonly Measurement[]): LeakReport {
  const fifth = Math.ceil(measurements.length / 5);
  const closed = measurements.at(-1);
  const before = leastOf(measurements.slice(fifth, 2 * fifth));
  const after = leastOf(measurements.slice(-1 - fifth, -1));
  if (closed === undefined || before === undefined || after === undefined) throw new Error('too few epochs to tell');
  const faults: string[] = [];
  const check = (what: string, grown: number, limit: number): void => {
    if (grown > limit) faults.push(`${what} grew by ${grown}, more than ${limit}`);
  };
  check('the heap', after.heapBytes - before.heapBytes, MAX_GROWTH_BYTES);
  check('memory outside the heap', after.externalBytes - before.externalBytes, MAX_GROWTH_BYTES);
  check('the heaps of the threads', after.threadHeapBytes - before.threadHeapBytes, MAX_THREAD_GROWTH_BYTES);
  check('the address space', after.addressBytes - before.addressBytes, MAX_ADDRESS_GROWTH_BYTES);
  check('the number of open files', after.descriptors - before.descriptors, 0);
  check('the number of threads', after.threads - before.threads, 0);
  return { before, after, closed, faults };
}

function leastOf(measurements: readonly Measurement[]): Measurement | undefined {
  const [first, ...others] = measurements;
  if (first === undefined) return undefined;
  const least = (of: (measurement: Measurement) => number): number => others.reduce((least, next) => Math.min(least, of(next)), of(first));
  return {
    epoch: first.epoch,
    heapBytes: least((measurement) => measurement.heapBytes),
    externalBytes: least((measurement) => measurement.externalBytes),
    threadHeapBytes: least((measurement) => measurement.threadHeapBytes),
    residentBytes: least((measurement) => measurement.residentBytes),
    addressBytes: least((measurement) => measurement.addressBytes),
    descriptors: least((measurement) => measurement.descriptors),
    threads: least((measurement) => measurement.threads),
  };
}

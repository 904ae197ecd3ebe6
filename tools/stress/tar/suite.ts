import { Worker } from 'node:worker_threads';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { FuzzFailure, FuzzRange, Tally } from './fuzz.ts';
import type { ThreadData, ThreadReply } from './thread.ts';

/** How to fuzz the tar reader. */
export interface TarSuiteOptions {
  readonly archives: number;
  readonly seed: number;
  readonly first: number;
  readonly workers: number;
  /** Is told how many archives are done. */
  readonly onProgress: (done: number) => void;
}

/** How it went. */
export interface TarSuiteResult {
  readonly tally: Tally;
  /** Archives that Python read, too; undefined without python3. */
  readonly judged: number | undefined;
  readonly failure: FuzzFailure | undefined;
}

/** Archives that a thread does before it reports: about a second's work. */
const RANGE = 4000;

/** A thread that stays at one archive for so long hangs: one takes less than a millisecond, on however busy a machine. */
const HANG_MS = 60_000;

/** Far above what kilobytes of archives need; a thread that needs more dies. */
const THREAD_MEMORY_MIB = 256;

/** One in so many accepted archives goes to Python, which takes most of its time to start. In short runs all do. */
const JUDGE_ONCE_IN = 10;

/** Fuzzes the tar reader with all cores; ends at the first archive that is read wrongly. */
export async function runTarSuite({ archives, seed, first, workers, onProgress }: TarSuiteOptions): Promise<TarSuiteResult> {
  const hasPython = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'python3')));
  const tally: Tally = { accepted: 0, refused: {}, harmless: 0 };
  let judged = 0;
  let failure: FuzzFailure | undefined;
  let next = first;
  let done = 0;
  const end = first + archives;

  async function runThread(): Promise<void> {
    await using thread = new FuzzThread(hasPython ? (archives > RANGE ? JUDGE_ONCE_IN : 1) : 0);
    while (next < end && failure === undefined) {
      const range = { seed, first: next, end: Math.min(next + RANGE, end) };
      next = range.end;
      const reply = await thread.run(range);
      add(tally, reply.tally);
      judged += reply.judged;
      failure ??= reply.failure;
      done += range.end - range.first;
      onProgress(done);
    }
  }
  await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(archives / RANGE)) }, runThread));
  return { tally, judged: hasPython ? judged : undefined, failure };
}

function add(total: Tally, { accepted, harmless, refused }: Tally): void {
  total.accepted += accepted;
  total.harmless += harmless;
  for (const [code, count] of Object.entries(refused)) total.refused[code] = (total.refused[code] ?? 0) + count;
}

/** A thread, watched. */
class FuzzThread implements AsyncDisposable {
  readonly #current = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  constructor(judgeOnceIn: number) {
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: { current: this.#current, judgeOnceIn } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MIB },
    });
  }

  /** Fuzzes a range; a thread that hangs or dies is the failure of the archive that it is at. */
  async run(range: FuzzRange): Promise<ThreadReply> {
    const reply = new Promise<ThreadReply>((resolve) => {
      const fail = (message: string): void => {
        const failure = { number: Atomics.load(this.#current, 0), message };
        resolve({ tally: { accepted: 0, refused: {}, harmless: 0 }, judged: 0, failure });
      };
      let last = -1;
      const watch = setInterval(() => {
        const now = Atomics.load(this.#current, 0);
        // At the end of a range, Python may take its time.
        if (now === last && now !== range.end - 1) fail(`it hangs: no end after ${HANG_MS / 1000} s`);
        last = now;
      }, HANG_MS);
      this.#worker.removeAllListeners();
      this.#worker.once('message', resolve);
      this.#worker.once('error', (error: unknown) => fail(`the thread died: ${String(error)}`));
      this.#worker.once('exit', () => fail('the thread ended'));
      for (const event of ['message', 'exit']) this.#worker.once(event, () => clearInterval(watch));
    });
    this.#worker.postMessage(range);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

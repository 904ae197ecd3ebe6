/** A thread that fuzzes one range of archives after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Accepted, fuzz, type FuzzFailure, type FuzzRange, type Tally } from './fuzz.ts';
import { judge } from './python-judge.ts';

/** What a thread is started with. */
export interface ThreadData {
  /** Where it says which archive it is at, so that one that hangs can be named. */
  readonly current: Int32Array<SharedArrayBuffer>;
  /** One in so many accepted archives goes to Python; 0 for none. */
  readonly judgeOnceIn: number;
}

/** What a thread answers to a {@link FuzzRange}. */
export interface ThreadReply {
  readonly tally: Tally;
  readonly judged: number;
  readonly failure: FuzzFailure | undefined;
}

const { current, judgeOnceIn } = workerData as ThreadData;

async function work(range: FuzzRange): Promise<ThreadReply> {
  const judged: Accepted[] = [];
  const { tally, failure } = await fuzz(range, {
    onStart: (number) => Atomics.store(current, 0, number),
    onAccepted: (accepted) => {
      if (judgeOnceIn > 0 && accepted.number % judgeOnceIn === 0) judged.push(accepted);
    },
  });
  return { tally, judged: judged.length, failure: failure ?? (judged.length > 0 ? await judge(judged) : undefined) };
}

parentPort?.on('message', (range: FuzzRange) => {
  // A failure of the fuzzer itself ends the thread, and with it the run.
  void work(range).then((reply) => parentPort?.postMessage(reply));
});

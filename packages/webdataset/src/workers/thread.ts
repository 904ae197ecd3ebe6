/** The main module of a worker thread: does the jobs that it is sent, one after the other, until it is told to stop. */
import { parentPort } from 'node:worker_threads';
import { toErrorRecord } from './error-record.ts';
import { Jobs } from './jobs.ts';
import type { WorkerAnswer, WorkerMessage, WorkerRequest } from './protocol.ts';
import { transferable } from './transfer.ts';

const port = parentPort;
if (port === null) throw new Error('This module runs in a worker thread only.');

let jobs: Jobs | undefined;
let lastJob = Promise.resolve();

port.on('message', (message: WorkerMessage) => {
  // What ends something does not wait for the jobs before it, which may be what has to end.
  if (message.kind === 'stop') jobs?.abort();
  else if (message.kind === 'request' && message.request.kind === 'close') jobs?.cancel(message.request.cursor);
  lastJob = lastJob.then(async () => {
    switch (message.kind) {
      case 'start':
        jobs = new Jobs(message.setup);
        break;
      case 'request': {
        const result = await resultOf(message.request);
        port.postMessage({ id: message.id, result } satisfies WorkerAnswer, result.kind === 'decode' ? transferable(result.values) : []);
        break;
      }
      case 'stop':
        await jobs?.[Symbol.asyncDispose]();
        port.close(); // Nothing else keeps the thread alive.
    }
  });
});

async function resultOf(request: WorkerRequest): Promise<WorkerAnswer['result']> {
  try {
    if (jobs === undefined) throw new Error('The thread was asked before it was started.');
    return await jobs.run(request);
  } catch (error) {
    return { kind: 'error', error: toErrorRecord(error) };
  }
}

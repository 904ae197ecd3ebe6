import { parentPort, workerData } from 'node:worker_threads';
import { GraphRunner } from './graph-runner.ts';
import type { ComputeReply, ComputeRequest, ComputeSetup } from './protocol.ts';

/** Entry of the compute thread: answers the requests of `compute-thread.ts`, one after the other. */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

const runner = await GraphRunner.open(workerData as ComputeSetup);
const reply = (message: ComputeReply): void => port.postMessage(message);

async function answer(request: ComputeRequest): Promise<ComputeReply> {
  switch (request.kind) {
    case 'train':
      return { kind: 'trained', loss: await runner.train(request.images, request.settings) };
    case 'evaluate':
      return { kind: 'evaluated', sums: await runner.evaluate(request.images) };
    case 'state':
      return { kind: 'state', state: await runner.state() };
  }
}

port.on('message', (request: ComputeRequest) => {
  answer(request).then(reply, (error: unknown) =>
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
});
reply({ kind: 'ready' });

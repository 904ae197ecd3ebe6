import { parentPort, workerData } from 'node:worker_threads';
import { TrainerError } from '../errors.ts';
import { GraphRunner } from './graph-runner.ts';
import type { ComputeReply, ComputeRequest, ComputeSetup } from './protocol.ts';

/** Entry of the compute thread: answers the requests of `compute-thread.ts`, one after the other. */

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

const reply = (message: ComputeReply): void => port.postMessage(message);

async function answer(runner: GraphRunner, request: ComputeRequest): Promise<ComputeReply> {
  switch (request.kind) {
    case 'train':
      return { kind: 'trained', loss: await runner.train(request.images, request.settings) };
    case 'evaluate':
      return { kind: 'evaluated', sums: await runner.evaluate(request.images) };
    case 'state':
      return { kind: 'state', state: await runner.state() };
  }
}

/** An error as a reply: only plain data can be sent. */
function failure(error: unknown): ComputeReply {
  if (error instanceof TrainerError) return { kind: 'failed', code: error.code, message: error.message };
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: 'COMPUTE_FAILED', message: `ONNX Runtime failed: ${reason}` };
}

try {
  const runner = await GraphRunner.open(workerData as ComputeSetup);
  port.on('message', (request: ComputeRequest) => void answer(runner, request).then(reply, (error: unknown) => reply(failure(error))));
  reply({ kind: 'ready' });
} catch (error) {
  reply(failure(error));
}

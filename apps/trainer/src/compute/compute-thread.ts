import { Worker } from 'node:worker_threads';
import { TrainerError } from '../errors.ts';
import type { TrainingState } from '../model/training-state.ts';
import type { Compute, ComputeReply, ComputeRequest, ComputeSetup, EvaluationSums, LabelledImages, StepSettings } from './protocol.ts';

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './compute-worker.ts' : './compute-worker.js', import.meta.url);

/**
 * A network that computes in a thread of its own. ONNX Runtime blocks the thread that calls it until the step is done;
 * here the caller's thread stays free to collect the next batch meanwhile. Pixels in shared memory are not copied.
 */
export class ComputeThread implements Compute, AsyncDisposable {
  readonly #worker: Worker;
  readonly #ready = Promise.withResolvers<undefined>();
  #isReady = false;
  #failure: TrainerError | undefined;
  #waiting: PromiseWithResolvers<ComputeReply> | undefined;

  /** Starts the thread. */
  constructor(setup: ComputeSetup) {
    // ONNX Runtime reports its use to its maker unless it finds this in the environment of the process when it is loaded. A thread has
    // only a copy of the environment, so it is set here.
    process.env['ORT_DISABLE_TELEMETRY'] = '1';
    this.#worker = new Worker(ENTRY, { workerData: setup });
    this.#worker.on('message', (reply: ComputeReply) => this.#take(reply));
    this.#worker.on('error', (cause) =>
      this.#fail(new TrainerError('COMPUTE_FAILED', `the compute thread failed: ${String(cause)}`, { cause })),
    );
    this.#worker.on('exit', () => this.#fail(ended()));
    // Who does not wait for it hears of a failure with the first request.
    this.#ready.promise.catch(() => undefined);
  }

  /** Settles when ONNX Runtime and the graph that comes first are loaded. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  async train(images: LabelledImages, settings: StepSettings): Promise<number> {
    const reply = await this.#ask({ kind: 'train', images: plain(images), settings });
    if (reply.kind !== 'trained') throw unexpected(reply);
    return reply.loss;
  }

  async evaluate(images: LabelledImages): Promise<EvaluationSums> {
    const reply = await this.#ask({ kind: 'evaluate', images: plain(images) });
    if (reply.kind !== 'evaluated') throw unexpected(reply);
    return reply.sums;
  }

  async state(): Promise<TrainingState> {
    const reply = await this.#ask({ kind: 'state' });
    if (reply.kind !== 'state') throw unexpected(reply);
    return reply.state;
  }

  /** Ends the thread, after the step under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#failure ??= ended();
    // A thread that is ended inside native code takes the process down with it.
    await Promise.allSettled([this.#ready.promise, this.#waiting?.promise]);
    await this.#worker.terminate();
  }

  async #ask(request: ComputeRequest): Promise<ComputeReply> {
    if (this.#failure) throw this.#failure;
    if (this.#waiting) throw new Error('one request at a time');
    this.#waiting = Promise.withResolvers();
    this.#worker.postMessage(request);
    try {
      return await this.#waiting.promise;
    } finally {
      this.#waiting = undefined;
    }
  }

  #take(reply: ComputeReply): void {
    if (reply.kind === 'ready') {
      this.#isReady = true;
      this.#ready.resolve(undefined);
    } else if (reply.kind === 'failed') {
      const error = new TrainerError(reply.code, reply.message);
      // One request may fail without harm to the next; a thread that could not begin answers nothing.
      if (this.#isReady) this.#waiting?.reject(error);
      else this.#fail(error);
    } else this.#waiting?.resolve(reply);
  }

  #fail(error: TrainerError): void {
    this.#failure ??= error;
    this.#ready.reject(this.#failure);
    this.#waiting?.reject(this.#failure);
  }
}

function ended(): TrainerError {
  return new TrainerError('COMPUTE_FAILED', 'the compute thread has ended');
}

/** Without what the caller's object has besides, such as functions, which can't be sent. */
function plain({ size, pixels, labels }: LabelledImages): LabelledImages {
  return { size, pixels, labels };
}

function unexpected(reply: ComputeReply): Error {
  return new Error(`the compute thread answered "${reply.kind}" to another question`);
}

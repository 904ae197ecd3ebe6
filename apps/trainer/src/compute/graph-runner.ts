import { InferenceSession, Tensor } from 'onnxruntime-node';
import { evaluationGraph, nextName, trainingGraph } from '../model/graphs.ts';
import type { TrainingState } from '../model/training-state.ts';
import type { Compute, ComputeSetup, EvaluationSums, LabelledImages, StepSettings } from './protocol.ts';

/** Runs the graphs of a network on ONNX Runtime, in the calling thread, and keeps its training state. */
export class GraphRunner implements Compute, AsyncDisposable {
  readonly #setup: Omit<ComputeSetup, 'state'>;
  /** The vectors of the training state. */
  #state: ReadonlyMap<string, Tensor>;
  #training: Promise<InferenceSession> | undefined;
  #evaluation: Promise<InferenceSession> | undefined;

  private constructor({ state, ...setup }: ComputeSetup) {
    this.#setup = setup;
    this.#state = new Map(Object.entries(state).map(([name, vector]) => [name, new Tensor('float32', vector, [vector.length])]));
  }

  /** Loads the graph that is needed first. The other one, which may never be needed, is loaded when it is. */
  static async open(setup: ComputeSetup): Promise<GraphRunner> {
    const runner = new GraphRunner(setup);
    await (setup.first === 'train' ? runner.#trainingSession() : runner.#evaluationSession());
    return runner;
  }

  async train(images: LabelledImages, { step, learningRate }: StepSettings): Promise<number> {
    const session = await this.#trainingSession();
    const results = await session.run({
      ...this.#imageTensors(images),
      ...this.#stateTensors(session),
      step: new Tensor('int64', BigInt64Array.of(BigInt(step)), []),
      learning_rate: new Tensor('float32', Float32Array.of(learningRate), []),
    });
    this.#state = new Map(Array.from(this.#state.keys(), (name) => [name, result(results, nextName(name))]));
    return floats(result(results, 'loss'))[0] ?? Number.NaN;
  }

  async evaluate(images: LabelledImages): Promise<EvaluationSums> {
    const session = await this.#evaluationSession();
    const results = await session.run({ ...this.#imageTensors(this.#filledUp(images)), ...this.#stateTensors(session) });
    const losses = floats(result(results, 'loss')).subarray(0, images.size);
    const predictions = integers(result(results, 'prediction')).subarray(0, images.size);
    return {
      loss: losses.reduce((sum, loss) => sum + loss, 0),
      correct: predictions.reduce((count, prediction, index) => count + Number(Number(prediction) === images.labels[index]), 0),
    };
  }

  state(): Promise<TrainingState> {
    return Promise.resolve(Object.fromEntries(Array.from(this.#state, ([name, vector]) => [name, floats(vector).slice()])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of [this.#training, this.#evaluation]) await (await session)?.release();
  }

  #trainingSession(): Promise<InferenceSession> {
    const { network, optimizer, batchSize } = this.#setup;
    return (this.#training ??= createSession(trainingGraph(network, optimizer, batchSize), this.#setup));
  }

  #evaluationSession(): Promise<InferenceSession> {
    const { network, batchSize } = this.#setup;
    return (this.#evaluation ??= createSession(evaluationGraph(network, batchSize), this.#setup));
  }

  #imageTensors({ pixels, labels }: LabelledImages): Record<string, Tensor> {
    const { network, batchSize } = this.#setup;
    const { height, width, channels } = network.shape;
    return {
      pixels: new Tensor('uint8', pixels, [batchSize, height, width, channels]),
      labels: new Tensor('int32', labels, [batchSize]),
    };
  }

  /** Those vectors of the state that the graph asks for: evaluation needs no memory of the optimizer. */
  #stateTensors(session: InferenceSession): Record<string, Tensor> {
    return Object.fromEntries(Array.from(this.#state).filter(([name]) => session.inputNames.includes(name)));
  }

  /** The graph's batch size is fixed: black images stand in for those that the last batch lacks, and their results are not counted. */
  #filledUp(images: LabelledImages): LabelledImages {
    const { batchSize } = this.#setup;
    if (images.size === batchSize) return images;
    const pixels = new Uint8Array((images.pixels.length / images.size) * batchSize);
    const labels = new Int32Array(batchSize);
    pixels.set(images.pixels);
    labels.set(images.labels);
    return { size: batchSize, pixels, labels };
  }
}

function createSession(model: Uint8Array, { threads }: Pick<ComputeSetup, 'threads'>): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Threads that wait must not spin: the cores between two operators belong to the loader, which decodes the next batches there.
    // (With all cores busy, a step took 3 times as long with spinning.)
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

function result(results: InferenceSession.OnnxValueMapType, name: string): Tensor {
  const value = results[name];
  if (!(value instanceof Tensor)) throw new Error(`the graph has no result ${name}`);
  return value;
}

function floats(tensor: Tensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new Error(`expected float32, not ${tensor.type}`);
  return tensor.data;
}

function integers(tensor: Tensor): BigInt64Array {
  if (!(tensor.data instanceof BigInt64Array)) throw new Error(`expected int64, not ${tensor.type}`);
  return tensor.data;
}

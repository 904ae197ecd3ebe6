import { InferenceSession, Tensor } from 'onnxruntime-node';
import { evaluationGraph, trainingGraph } from '../model/graphs.ts';
import type { AdamState } from '../model/adam.ts';
import type { Network } from '../model/network.ts';
import type { Compute, ComputeSetup, EvaluationSums, LabelledImages, StepSettings, TrainingState } from './protocol.ts';

/** Runs the graphs of a network on ONNX Runtime, in the calling thread, and keeps its weights. */
export class GraphRunner implements Compute, AsyncDisposable {
  readonly #network: Network;
  readonly #batchSize: number;
  readonly #threads: number;
  #state: AdamState<Tensor>;
  #training: Promise<InferenceSession> | undefined;
  #evaluation: Promise<InferenceSession> | undefined;

  private constructor({ network, batchSize, threads, state }: ComputeSetup) {
    this.#network = network;
    this.#batchSize = batchSize;
    this.#threads = threads;
    this.#state = { weights: vector(state.weights), firstMoment: vector(state.firstMoment), secondMoment: vector(state.secondMoment) };
  }

  /** Loads the graph that is needed first. The other one, which may never be needed, is loaded when it is. */
  static async open(setup: ComputeSetup): Promise<GraphRunner> {
    const runner = new GraphRunner(setup);
    await (setup.first === 'train' ? runner.#trainingSession() : runner.#evaluationSession());
    return runner;
  }

  async train(images: LabelledImages, { step, learningRate, shift }: StepSettings): Promise<number> {
    const session = await this.#trainingSession();
    const results = await session.run({
      ...this.#imageTensors(images),
      weights: this.#state.weights,
      first_moment: this.#state.firstMoment,
      second_moment: this.#state.secondMoment,
      step: new Tensor('int64', BigInt64Array.of(BigInt(step)), []),
      learning_rate: new Tensor('float32', Float32Array.of(learningRate), []),
      shift: new Tensor('int64', BigInt64Array.from(shift, BigInt), [2]),
    });
    this.#state = {
      weights: result(results, 'new_weights'),
      firstMoment: result(results, 'new_first_moment'),
      secondMoment: result(results, 'new_second_moment'),
    };
    return floats(result(results, 'loss'))[0] ?? Number.NaN;
  }

  async evaluate(images: LabelledImages): Promise<EvaluationSums> {
    const session = await this.#evaluationSession();
    const results = await session.run({ ...this.#imageTensors(this.#filledUp(images)), weights: this.#state.weights });
    const losses = floats(result(results, 'loss')).subarray(0, images.size);
    const predictions = integers(result(results, 'prediction')).subarray(0, images.size);
    return {
      loss: losses.reduce((sum, loss) => sum + loss, 0),
      correct: predictions.reduce((count, prediction, index) => count + Number(Number(prediction) === images.labels[index]), 0),
    };
  }

  state(): Promise<TrainingState> {
    const { weights, firstMoment, secondMoment } = this.#state;
    return Promise.resolve({
      weights: floats(weights).slice(),
      firstMoment: floats(firstMoment).slice(),
      secondMoment: floats(secondMoment).slice(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of [this.#training, this.#evaluation]) await (await session)?.release();
  }

  #trainingSession(): Promise<InferenceSession> {
    return (this.#training ??= createSession(trainingGraph(this.#network, this.#batchSize), this.#threads));
  }

  #evaluationSession(): Promise<InferenceSession> {
    return (this.#evaluation ??= createSession(evaluationGraph(this.#network, this.#batchSize), this.#threads));
  }

  #imageTensors({ pixels, labels }: LabelledImages): { pixels: Tensor; labels: Tensor } {
    const { height, width, channels } = this.#network.shape;
    return {
      pixels: new Tensor('uint8', pixels, [this.#batchSize, height, width, channels]),
      labels: new Tensor('int32', labels, [this.#batchSize]),
    };
  }

  /** The graph's batch size is fixed: black images stand in for those that the last batch lacks, and their results are not counted. */
  #filledUp(images: LabelledImages): LabelledImages {
    if (images.size === this.#batchSize) return images;
    const pixels = new Uint8Array((images.pixels.length / images.size) * this.#batchSize);
    const labels = new Int32Array(this.#batchSize);
    pixels.set(images.pixels);
    labels.set(images.labels);
    return { size: this.#batchSize, pixels, labels };
  }
}

function createSession(model: Uint8Array, threads: number): Promise<InferenceSession> {
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

function vector(data: Float32Array): Tensor {
  return new Tensor('float32', data, [data.length]);
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

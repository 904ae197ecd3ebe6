import { Tensor } from 'onnxruntime-node';
import type { InferenceSession } from 'onnxruntime-node';
import { copyGraph, evaluationGraph, nextName, trainingGraph } from '../model/graphs.ts';
import type { TrainingState } from '../model/training-state.ts';
import type { Compute, ComputeSetup, EvaluationSums, LabelledImages, StepSettings } from './protocol.ts';
import { createSession } from './session.ts';

/** Runs the graphs of a network on ONNX Runtime, in the calling thread, and keeps its training state. */
export class GraphRunner implements Compute, AsyncDisposable {
  readonly #setup: Omit<ComputeSetup, 'state'>;
  /** The vectors of the training state. */
  #state: ReadonlyMap<string, Tensor>;
  #training: Promise<InferenceSession> | undefined;
  #evaluation: Promise<InferenceSession> | undefined;
  /** Brings the state from the memory of the device. */
  #copying: Promise<InferenceSession> | undefined;

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
    const before = this.#state;
    this.#state = new Map(Array.from(before.keys(), (name) => [name, result(results, nextName(name))]));
    for (const vector of before.values()) vector.dispose();
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

  async state(): Promise<TrainingState> {
    if (this.#setup.device === 'cpu')
      return Object.fromEntries(Array.from(this.#state, ([name, vector]) => [name, floats(vector).slice()]));
    const results = await (await this.#copySession()).run(Object.fromEntries(this.#state));
    return Object.fromEntries(Array.from(this.#state.keys(), (name) => [name, floats(result(results, nextName(name)))]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const vector of this.#state.values()) vector.dispose();
    for (const session of [this.#training, this.#evaluation, this.#copying]) await (await session)?.release();
  }

  #trainingSession(): Promise<InferenceSession> {
    const { network, optimizer, batchSize } = this.#setup;
    const state = Array.from(this.#state.keys(), nextName);
    return (this.#training ??= createSession(trainingGraph(network, optimizer, batchSize), this.#setup, state));
  }

  #evaluationSession(): Promise<InferenceSession> {
    const { network, batchSize } = this.#setup;
    return (this.#evaluation ??= createSession(evaluationGraph(network, batchSize), this.#setup));
  }

  #copySession(): Promise<InferenceSession> {
    const { network, optimizer } = this.#setup;
    return (this.#copying ??= createSession(copyGraph(network, optimizer), this.#setup));
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

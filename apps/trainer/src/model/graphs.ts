import { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { argMax, softmax } from '../onnx/operators.ts';
import { updatedStatistics } from './batch-norm.ts';
import { forwardInference, forwardTraining } from './forward.ts';
import { GradientTape } from './gradient-tape.ts';
import { mean, softmaxCrossEntropy } from './layers.ts';
import type { Network } from './network.ts';
import { optimizerStep } from './optimizer.ts';
import type { Optimizer } from './optimizer.ts';
import { constants, pack, unpack } from './packing.ts';
import { elementCount, stateVectors, vectorOf } from './training-state.ts';
import type { TrainingState } from './training-state.ts';

/** The graphs of a network, each a whole ONNX model; those with labels are for a fixed batch size. */

/** What the name of a vector of the training state becomes where a graph gives its new value. */
export function nextName(vector: string): string {
  return `new_${vector}`;
}

/**
 * One training step: forward, backward and optimizer.
 *
 * In: `pixels` uint8 [batch, height, width, channels], `labels` int32 [batch], `step` int64 (from 1), `learning_rate` float32, and each
 * vector of the training state under its name, float32 [elements].
 * Out: `loss` float32, the mean over the batch before the step, and each vector again as `new_<name>`.
 */
export function trainingGraph(network: Network, optimizer: Optimizer, batchSize: number): Uint8Array {
  const graph = new GraphBuilder('training');
  const { pixels, labels } = batchInputs(graph, network, batchSize);
  const step = graph.input('step', 'int64', []);
  const learningRate = graph.input('learning_rate', 'float32', []);
  const { weights, statistics, ...memory } = stateInputs(graph, network, optimizer);
  if (weights === undefined) throw new Error('a network has weights');

  const tape = new GradientTape(graph);
  const parameters = unpack(network.parameters, weights);
  const pass = forwardTraining(tape, network, pixels, parameters);
  const loss = mean(tape, softmaxCrossEntropy(tape, pass.logits, labels));
  const next = optimizerStep(optimizer, {
    weights,
    decaying: elementCount(network.parameters.filter(({ decays }) => decays)),
    gradient: pack(tape.gradients(loss, [...parameters.values()])),
    memory: new Map(Object.entries(memory)),
    step,
    learningRate,
  });

  graph.output('loss', loss);
  graph.output(nextName('weights'), next.weights);
  for (const [name, vector] of next.memory) graph.output(nextName(name), vector);
  if (statistics !== undefined) {
    const measured = network.statistics.flatMap(({ name }) => pass.statistics.get(name) ?? []);
    graph.output(nextName('statistics'), updatedStatistics(statistics, pack(measured)));
  }
  return graph.build();
}

/**
 * In: `pixels` and `labels` as in training, `weights`, and `statistics` where the network has any.
 * Out: `loss` float32 [batch] and `prediction` int64 [batch], the likeliest class.
 */
export function evaluationGraph(network: Network, batchSize: number): Uint8Array {
  const graph = new GraphBuilder('evaluation');
  const { pixels, labels } = batchInputs(graph, network, batchSize);
  const weights = graph.input('weights', 'float32', [elementCount(network.parameters)]);
  const statistics = network.statistics.length > 0 ? graph.input('statistics', 'float32', [elementCount(network.statistics)]) : undefined;
  const logits = forwardInference(
    network,
    pixels,
    unpack(network.parameters, weights),
    statistics === undefined ? new Map() : unpack(network.statistics, statistics),
  );
  graph.output('loss', softmaxCrossEntropy(new GradientTape(graph), logits, labels));
  graph.output('prediction', argMax(logits));
  return graph.build();
}

/** Changes nothing: each vector of the training state and, as `new_<name>`, its copy. ONNX Runtime can't read the memory of a device otherwise. */
export function copyGraph(network: Network, optimizer: Optimizer): Uint8Array {
  const graph = new GraphBuilder('copy');
  for (const [name, vector] of Object.entries(stateInputs(graph, network, optimizer))) graph.output(nextName(name), vector);
  return graph.build();
}

/** The trained network for use elsewhere. In: `pixels` uint8 [batch, height, width, channels], any batch. Out: `probabilities` float32 [batch, classes]. */
export function inferenceGraph(network: Network, state: TrainingState): Uint8Array {
  const graph = new GraphBuilder('inference');
  const { height, width, channels, classes } = network.shape;
  const pixels = graph.input('pixels', 'uint8', ['batch', height, width, channels]);
  const parameters = constants(network.parameters, graph, vectorOf(state, 'weights'));
  const statistics = network.statistics.length > 0 ? constants(network.statistics, graph, vectorOf(state, 'statistics')) : new Map();
  graph.output('probabilities', softmax(forwardInference(network, pixels, parameters, statistics)));
  return graph.build({ classes: String(classes) });
}

function batchInputs(graph: GraphBuilder, network: Network, batchSize: number): { pixels: Value; labels: Value } {
  const { height, width, channels } = network.shape;
  return {
    pixels: graph.input('pixels', 'uint8', [batchSize, height, width, channels]),
    labels: graph.input('labels', 'int32', [batchSize]),
  };
}

function stateInputs(graph: GraphBuilder, network: Network, optimizer: Optimizer): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    stateVectors(network, optimizer).map(({ name, tensors }) => [name, graph.input(name, 'float32', [elementCount(tensors)])]),
  );
}

import { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { argMax, softmax } from '../onnx/operators.ts';
import { adamStep } from './adam.ts';
import { GradientTape } from './gradient-tape.ts';
import { mean, softmaxCrossEntropy } from './layers.ts';
import { forward } from './network.ts';
import type { Network } from './network.ts';
import { shifted } from './random-shift.ts';
import { constantWeights, packWeights, unpackWeights, weightCount } from './weights.ts';

/** The three graphs of a network, each a whole ONNX model for a fixed batch size (`inferenceGraph`: for any). */

/**
 * One training step: forward, backward and optimizer.
 *
 * In: `pixels` uint8 [batch, height, width, channels], `labels` int32 [batch], `weights`, `first_moment`, `second_moment` float32 [n],
 * `step` int64 (from 1), `learning_rate` float32, `shift` int64 [2] (see random-shift.ts).
 * Out: `loss` float32, the mean over the batch before the step; `new_weights`, `new_first_moment`, `new_second_moment`.
 */
export function trainingGraph(network: Network, batchSize: number): Uint8Array {
  const graph = new GraphBuilder('training');
  const { pixels, labels } = batchInputs(graph, network, batchSize);
  const vector = (name: string): Value => graph.input(name, 'float32', [weightCount(network)]);
  const state = { weights: vector('weights'), firstMoment: vector('first_moment'), secondMoment: vector('second_moment') };
  const step = graph.input('step', 'int64', []);
  const learningRate = graph.input('learning_rate', 'float32', []);
  const shift = graph.input('shift', 'int64', [2]);

  const tape = new GradientTape(graph);
  const parameters = unpackWeights(network, state.weights);
  const logits = forward(tape, network, shifted(pixels, shift, network.shape), parameters);
  const loss = mean(tape, softmaxCrossEntropy(tape, logits, labels));
  const gradient = packWeights(tape.gradients(loss, parameters));
  const next = adamStep(state, gradient, step, learningRate);

  graph.output('loss', loss);
  graph.output('new_weights', next.weights);
  graph.output('new_first_moment', next.firstMoment);
  graph.output('new_second_moment', next.secondMoment);
  return graph.build();
}

/** In: `pixels`, `labels`, `weights` as in training. Out: `loss` float32 [batch] and `prediction` int64 [batch], the likeliest class. */
export function evaluationGraph(network: Network, batchSize: number): Uint8Array {
  const graph = new GraphBuilder('evaluation');
  const { pixels, labels } = batchInputs(graph, network, batchSize);
  const weights = graph.input('weights', 'float32', [weightCount(network)]);
  const tape = new GradientTape(graph);
  const logits = forward(tape, network, pixels, unpackWeights(network, weights));
  graph.output('loss', softmaxCrossEntropy(tape, logits, labels));
  graph.output('prediction', argMax(logits));
  return graph.build();
}

/** The trained network for use elsewhere. In: `pixels` uint8 [batch, height, width, channels], any batch. Out: `probabilities` float32 [batch, classes]. */
export function inferenceGraph(network: Network, weights: Float32Array): Uint8Array {
  const graph = new GraphBuilder('inference');
  const { height, width, channels, classes } = network.shape;
  const pixels = graph.input('pixels', 'uint8', ['batch', height, width, channels]);
  const logits = forward(new GradientTape(graph), network, pixels, constantWeights(network, graph, weights));
  graph.output('probabilities', softmax(logits));
  return graph.build({ classes: String(classes) });
}

function batchInputs(graph: GraphBuilder, network: Network, batchSize: number): { pixels: Value; labels: Value } {
  const { height, width, channels } = network.shape;
  return {
    pixels: graph.input('pixels', 'uint8', [batchSize, height, width, channels]),
    labels: graph.input('labels', 'int32', [batchSize]),
  };
}

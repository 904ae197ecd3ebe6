import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';
import { concatenate, reshape, split } from '../onnx/operators.ts';
import type { Network, Parameter } from './network.ts';
import { normalNumbers } from './random.ts';

/**
 * All parameters of a network lie one after the other in one vector: the optimizer is then a dozen nodes however deep the network,
 * and a step passes three tensors in and out.
 */

/** Number of elements of a parameter. */
export function parameterSize(parameter: Parameter): number {
  return parameter.shape.reduce((product, size) => product * size, 1);
}

/** Number of elements of all parameters together. */
export function weightCount(network: Network): number {
  return network.parameters.reduce((sum, parameter) => sum + parameterSize(parameter), 0);
}

/** The vector with which training starts: a pure function of network and seed. */
export function initialWeights(network: Network, seed: number): Float32Array {
  const normal = normalNumbers(seed);
  const weights = new Float32Array(weightCount(network));
  let position = 0;
  for (const parameter of network.parameters) {
    const end = position + parameterSize(parameter);
    if (parameter.deviation > 0) for (let index = position; index < end; index++) weights[index] = parameter.deviation * normal();
    position = end;
  }
  return weights;
}

/** Cuts the vector into the parameters of the network, as graph nodes. */
export function unpackWeights(network: Network, vector: Value): Value[] {
  return split(vector, network.parameters.map(parameterSize)).map((part, index) => reshape(part, network.parameters[index]?.shape ?? []));
}

/** The opposite of `unpackWeights`. */
export function packWeights(parts: readonly Value[]): Value {
  const [first, ...others] = parts.map((part) => reshape(part, [part.elements]));
  if (first === undefined) throw new Error('a network has parameters');
  return concatenate([first, ...others], 0);
}

/** The parameters as constants of a graph, under their names. */
export function constantWeights(network: Network, graph: GraphBuilder, weights: Float32Array): Value[] {
  let position = 0;
  return network.parameters.map((parameter) => {
    const part = weights.subarray(position, (position += parameterSize(parameter)));
    return graph.constant(part, parameter.shape, parameter.name);
  });
}

import type { Network, Parameter } from './network.ts';
import { memoryOf } from './optimizer.ts';
import type { Optimizer } from './optimizer.ts';
import { normalNumbers } from './random.ts';

/**
 * All that training changes, as plain vectors by name: `weights`, the memory of the optimizer, and `statistics` where the network has any.
 *
 * All parameters of a network lie one after the other in one vector: the optimizer is then a dozen nodes however deep the network,
 * and a step passes a few tensors in and out. `stateVectors` says what the vectors consist of.
 */
export type TrainingState = Readonly<Record<string, Float32Array>>;

/** One vector of the state. */
export interface StateVector {
  readonly name: string;
  /** The tensors that it consists of, in their order. */
  readonly tensors: readonly Parameter[];
  /** Put before the name of a tensor, makes a name that is the only one in all of the state. */
  readonly prefix: string;
}

/** A piece of a state vector; `data` is a view into it. */
export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The vectors that the state of a network consists of, when this optimizer trains it. */
export function stateVectors(network: Network, optimizer: Optimizer): StateVector[] {
  const { parameters, statistics } = network;
  return [
    { name: 'weights', tensors: parameters, prefix: '' },
    ...memoryOf(optimizer).map((name) => ({ name, tensors: parameters, prefix: `${name}.` })),
    ...(statistics.length > 0 ? [{ name: 'statistics', tensors: statistics, prefix: '' }] : []),
  ];
}

/** The state with which training starts: a pure function of its arguments. */
export function initialState(network: Network, optimizer: Optimizer, seed: number): TrainingState {
  return Object.fromEntries(
    stateVectors(network, optimizer).map(({ name, tensors }) => [
      name,
      name === 'weights' || name === 'statistics' ? startOf(tensors, seed) : new Float32Array(elementCount(tensors)),
    ]),
  );
}

/** Cuts a vector of the state into its tensors, without copying; names have their prefix. */
export function tensorsOf({ tensors, prefix }: StateVector, vector: Float32Array): StateTensor[] {
  let position = 0;
  return tensors.map((tensor) => ({
    name: prefix + tensor.name,
    shape: tensor.shape,
    data: vector.subarray(position, (position += elementCount([tensor]))),
  }));
}

/** The vector `name` of a state. */
export function vectorOf(state: TrainingState, name: string): Float32Array {
  const vector = state[name];
  if (vector === undefined) throw new Error(`the state has no vector ${name}`);
  return vector;
}

/** Number of elements of all tensors together. */
export function elementCount(tensors: readonly Parameter[]): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

function startOf(tensors: readonly Parameter[], seed: number): Float32Array {
  const normal = normalNumbers(seed);
  const vector = new Float32Array(elementCount(tensors));
  let position = 0;
  for (const tensor of tensors) {
    const { mean, deviation } = tensor.start;
    const part = vector.subarray(position, (position += elementCount([tensor])));
    if (deviation === 0) part.fill(mean);
    else part.forEach((_, index) => (part[index] = mean + deviation * normal()));
  }
  return vector;
}

import type { Value } from '../onnx/graph-builder.ts';
import { add, concatenate, multiply, split, subtract } from '../onnx/operators.ts';
import { adamStep } from './adam.ts';

/** How gradients change weights; plain data. */
export type Optimizer =
  | {
      /** Stochastic gradient descent with momentum, in PyTorch's form. */
      readonly kind: 'sgd';
      /** Part of the velocity that is left after a step; 0 is plain gradient descent. */
      readonly momentum: number;
      /** Times the weights, added to their gradient. */
      readonly weightDecay: number;
    }
  | {
      readonly kind: 'adamw';
      /** Times the learning rate: the part that weights lose with each step, whatever their gradient. Without it this is Adam. */
      readonly weightDecay: number;
    };

/** The vectors, each as long as that of the weights, that an optimizer keeps from step to step. They start at 0. */
export function memoryOf(optimizer: Optimizer): readonly string[] {
  return optimizer.kind === 'sgd' ? ['velocity'] : ['first_moment', 'second_moment'];
}

/** The optimizer in a few words, as `adamw weight_decay=0.01`. */
export function describeOptimizer(optimizer: Optimizer): string {
  const momentum = optimizer.kind === 'sgd' ? ` momentum=${optimizer.momentum}` : '';
  return `${optimizer.kind}${momentum} weight_decay=${optimizer.weightDecay}`;
}

/** What a step of an optimizer starts from. */
export interface OptimizerInputs {
  /** All weights in one vector; the first `decaying` ones are subject to weight decay. */
  readonly weights: Value;
  readonly decaying: number;
  readonly gradient: Value;
  /** The vectors of `memoryOf`, by name. */
  readonly memory: ReadonlyMap<string, Value>;
  /** int64 scalar, counts from 1. */
  readonly step: Value;
  /** float32 scalar. */
  readonly learningRate: Value;
}

/** New weights and the new memory, under the old names. */
export interface OptimizerResult {
  readonly weights: Value;
  readonly memory: ReadonlyMap<string, Value>;
}

/** One step, as graph nodes. */
export function optimizerStep(optimizer: Optimizer, inputs: OptimizerInputs): OptimizerResult {
  return optimizer.kind === 'sgd' ? sgd(optimizer, inputs) : adamw(optimizer, inputs);
}

function sgd({ momentum, weightDecay }: { momentum: number; weightDecay: number }, inputs: OptimizerInputs): OptimizerResult {
  const { weights, decaying, gradient, memory, learningRate } = inputs;
  const { graph } = gradient;
  const withDecay =
    weightDecay === 0
      ? gradient
      : changeFirst(gradient, decaying, (first) => {
          const [decayingWeights = weights] = cut(weights, decaying);
          return add(first, multiply(decayingWeights, graph.scalar(weightDecay)));
        });
  const velocity = add(multiply(remembered(memory, 'velocity'), graph.scalar(momentum)), withDecay);
  return { weights: subtract(weights, multiply(velocity, learningRate)), memory: new Map([['velocity', velocity]]) };
}

/** Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2. */
function adamw({ weightDecay }: { weightDecay: number }, inputs: OptimizerInputs): OptimizerResult {
  const { decaying, gradient, memory, step, learningRate } = inputs;
  const { graph } = gradient;
  const kept = (): Value => subtract(graph.scalar(1), multiply(learningRate, graph.scalar(weightDecay)));
  const weights = weightDecay === 0 ? inputs.weights : changeFirst(inputs.weights, decaying, (first) => multiply(first, kept()));
  const state = { weights, firstMoment: remembered(memory, 'first_moment'), secondMoment: remembered(memory, 'second_moment') };
  const next = adamStep(state, gradient, step, learningRate);
  return {
    weights: next.weights,
    memory: new Map([
      ['first_moment', next.firstMoment],
      ['second_moment', next.secondMoment],
    ]),
  };
}

/** `vector` with its first `count` elements changed. */
function changeFirst(vector: Value, count: number, change: (first: Value) => Value): Value {
  const [first = vector, ...rest] = cut(vector, count);
  return concatenate([change(first), ...rest], 0);
}

/** The first `count` elements, and the others if there are any. */
function cut(vector: Value, count: number): Value[] {
  return vector.elements === count ? [vector] : split(vector, [count, vector.elements - count]);
}

function remembered(memory: ReadonlyMap<string, Value>, name: string): Value {
  const value = memory.get(name);
  if (value === undefined) throw new Error(`the optimizer needs the vector ${name}`);
  return value;
}

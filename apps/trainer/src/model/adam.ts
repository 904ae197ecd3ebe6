import type { Value } from '../onnx/graph-builder.ts';
import { add, cast, divide, multiply, power, squareRoot, subtract } from '../onnx/operators.ts';

/** Weights and the two running means that the optimizer keeps of their gradients; three vectors of one length. */
export interface AdamState {
  readonly weights: Value;
  /** Running mean of the gradient. */
  readonly firstMoment: Value;
  /** Running mean of the squared gradient. */
  readonly secondMoment: Value;
}

/** The constants of the paper; they suit nearly every network, so they are not options. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/**
 * One step of Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1) as graph nodes.
 * `step` (int64 scalar) counts from 1, `learningRate` is a float32 scalar.
 *
 * AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) is the same on weights that have decayed before the step; see `optimizer.ts`.
 */
export function adamStep(state: AdamState, gradient: Value, step: Value, learningRate: Value): AdamState {
  const { graph } = gradient;
  const { beta1, beta2, epsilon } = ADAM;
  const mix = (mean: Value, sample: Value, beta: number): Value =>
    add(multiply(mean, graph.scalar(beta)), multiply(sample, graph.scalar(1 - beta)));
  const firstMoment = mix(state.firstMoment, gradient, beta1);
  const secondMoment = mix(state.secondMoment, multiply(gradient, gradient), beta2);
  // 1 - beta^step in double precision: near step 1 float32 would lose half of the digits of 1 - 0.999.
  const bias = (beta: number): Value => {
    const one = cast(graph.scalar(1), 'float64');
    return cast(subtract(one, power(graph.constant(Float64Array.of(beta), []), cast(step, 'float64'))), 'float32');
  };
  const rate = divide(learningRate, bias(beta1));
  const denominator = add(squareRoot(divide(secondMoment, bias(beta2))), graph.scalar(epsilon));
  const weights = subtract(state.weights, divide(multiply(firstMoment, rate), denominator));
  return { weights, firstMoment, secondMoment };
}

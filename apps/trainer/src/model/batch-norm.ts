import { TrainerError } from '../errors.ts';
import type { Value } from '../onnx/graph-builder.ts';
import * as onnx from '../onnx/operators.ts';
import type { GradientTape } from './gradient-tape.ts';

/**
 * Batch normalisation of images [batch, channels, height, width] (Ioffe and Szegedy 2015, arXiv:1502.03167), built from primitive operators:
 * each channel is brought to mean 0 and variance 1, then multiplied by `scale` and moved by `bias` (both [channels]).
 */

/** Added to the variance, so that a channel that is everywhere the same does not divide by 0. PyTorch's value. */
export const NORM_EPSILON = 1e-5;
/** Weight of the present batch in the running mean and variance. PyTorch's value, there called momentum. */
export const STATISTICS_RATE = 0.1;

/** The axes over which a channel is averaged. */
const WITHIN_CHANNEL = [0, 2, 3];

export interface BatchNorm {
  readonly y: Value;
  /** Mean of each channel over the batch: [channels]. */
  readonly mean: Value;
  /** Variance of each channel, estimated without bias (the divisor is the number of values less 1): [channels]. */
  readonly variance: Value;
}

/** As in training: by the mean and variance of the batch, through which gradients flow too. A channel needs two values or more. */
export function batchNorm(tape: GradientTape, x: Value, scale: Value, bias: Value): BatchNorm {
  const channels = x.size(1);
  const count = x.elements / channels;
  if (count < 2) {
    const fault = 'batch normalisation needs more than one value of each channel, and the last convolution leaves one pixel of one image';
    throw new TrainerError('CONFIG_INVALID', `${fault}; raise --batch-size or lower --depth`);
  }
  const { graph } = x;
  const perChannel = (vector: Value): Value => onnx.reshape(vector, [1, channels, 1, 1]);

  const mean = onnx.reduceMean(x, WITHIN_CHANNEL);
  const centred = onnx.subtract(x, perChannel(mean));
  const variance = onnx.reduceMean(onnx.multiply(centred, centred), WITHIN_CHANNEL);
  const spread = onnx.reciprocal(onnx.squareRoot(onnx.add(variance, graph.scalar(NORM_EPSILON))));
  const factor = onnx.multiply(scale, spread);
  const y = onnx.add(onnx.multiply(centred, perChannel(factor)), perChannel(bias));

  // Both are needed for more than one gradient. The first caller adds the nodes, so that without gradients there are none.
  const meanGradient = once((dy: Value) => onnx.reduceMean(dy, WITHIN_CHANNEL));
  const meanProduct = once((dy: Value) => onnx.reduceMean(onnx.multiply(dy, centred), WITHIN_CHANNEL));
  tape.record(y, [
    {
      input: x,
      gradient: (dy) => {
        // dx = factor * (dy - mean(dy) - centred * mean(dy * centred) / (variance + epsilon))
        const slope = onnx.multiply(meanProduct(dy), onnx.multiply(spread, spread));
        const rest = onnx.subtract(onnx.subtract(dy, perChannel(meanGradient(dy))), onnx.multiply(centred, perChannel(slope)));
        return onnx.multiply(rest, perChannel(factor));
      },
    },
    { input: scale, gradient: (dy) => onnx.multiply(onnx.multiply(meanProduct(dy), spread), graph.scalar(count)) },
    { input: bias, gradient: (dy) => onnx.multiply(meanGradient(dy), graph.scalar(count)) },
  ]);
  return { y, mean, variance: onnx.multiply(variance, graph.scalar(count / (count - 1))) };
}

/** As in use: by a given mean and variance, so that the result for an image does not depend on the others. All vectors are [channels]. */
export function fixedNorm(x: Value, parameters: Readonly<Record<'scale' | 'bias' | 'mean' | 'variance', Value>>): Value {
  // ONNX's own operator: ONNX Runtime folds it into the convolution before it where all is constant, as in an exported network.
  return onnx.batchNormalization(x, parameters, NORM_EPSILON);
}

/** The running statistics after a batch. */
export function updatedStatistics(running: Value, batch: Value): Value {
  const { graph } = running;
  return onnx.add(onnx.multiply(running, graph.scalar(1 - STATISTICS_RATE)), onnx.multiply(batch, graph.scalar(STATISTICS_RATE)));
}

/** `compute`, whose first result is kept. */
function once(compute: (dy: Value) => Value): (dy: Value) => Value {
  let result: Value | undefined;
  return (dy) => (result ??= compute(dy));
}

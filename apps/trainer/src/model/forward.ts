import type { Value } from '../onnx/graph-builder.ts';
import * as onnx from '../onnx/operators.ts';
import { batchNorm, fixedNorm } from './batch-norm.ts';
import { GradientTape } from './gradient-tape.ts';
import { convolution, dense, flatten, relu } from './layers.ts';
import { STRIDE } from './network.ts';
import type { Network } from './network.ts';

/** The tensors of a network as graph nodes, by the names that the network gives them. */
export type NamedValues = ReadonlyMap<string, Value>;

/** What the forward pass of a training step gives. */
export interface TrainingPass {
  /** [batch, classes] */
  readonly logits: Value;
  /** What the norms saw of this batch, by the names of `Network.statistics`. */
  readonly statistics: NamedValues;
}

/** The network in training on `pixels` (uint8 [batch, height, width, channels]): norms use the mean and variance of the batch. */
export function forwardTraining(tape: GradientTape, network: Network, pixels: Value, parameters: NamedValues): TrainingPass {
  const statistics = new Map<string, Value>();
  const logits = forward(tape, network, pixels, parameters, (x, name) => {
    const { y, mean, variance } = batchNorm(tape, x, named(parameters, `${name}.scale`), named(parameters, `${name}.bias`));
    statistics.set(`${name}.mean`, mean).set(`${name}.variance`, variance);
    return y;
  });
  return { logits, statistics };
}

/** Logits [batch, classes] of the network in use on `pixels` (uint8 [batch, height, width, channels]): norms use the running statistics. */
export function forwardInference(network: Network, pixels: Value, parameters: NamedValues, statistics: NamedValues): Value {
  // Nothing is learnt here, so nobody asks the tape.
  const tape = new GradientTape(pixels.graph);
  return forward(tape, network, pixels, parameters, (x, name) =>
    fixedNorm(x, {
      scale: named(parameters, `${name}.scale`),
      bias: named(parameters, `${name}.bias`),
      mean: named(statistics, `${name}.mean`),
      variance: named(statistics, `${name}.variance`),
    }),
  );
}

type Norm = (x: Value, name: string) => Value;

function forward(tape: GradientTape, { design }: Network, pixels: Value, parameters: NamedValues, norm: Norm): Value {
  let x = scaled(pixels);
  if (design.model === 'cnn') {
    design.widths.forEach((_, index) => {
      const layer = `convolution${index + 1}`;
      const bias = design.batchNorm ? undefined : named(parameters, `${layer}.bias`);
      x = convolution(tape, x, named(parameters, `${layer}.weight`), bias, STRIDE);
      if (design.batchNorm) x = norm(x, `norm${index + 1}`);
      x = relu(tape, x);
    });
  }
  return dense(tape, flatten(tape, x), named(parameters, 'classifier.weight'), named(parameters, 'classifier.bias'));
}

/** Bytes [batch, height, width, channels] to numbers from -1 to 1 [batch, channels, height, width]. */
function scaled(pixels: Value): Value {
  const { graph } = pixels;
  const planes = onnx.cast(onnx.transpose(pixels, [0, 3, 1, 2]), 'float32');
  return onnx.subtract(onnx.multiply(planes, graph.scalar(1 / 127.5)), graph.scalar(1));
}

function named(values: NamedValues, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the network has no tensor ${name}`);
  return value;
}

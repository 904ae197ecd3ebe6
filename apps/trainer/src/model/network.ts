import type { Value } from '../onnx/graph-builder.ts';
import * as onnx from '../onnx/operators.ts';
import type { GradientTape } from './gradient-tape.ts';
import { convolution, dense, flatten, relu } from './layers.ts';

/** What goes into a network and what comes out. Sizes in pixels. */
export interface ModelShape {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly classes: number;
}

/** One tensor that training changes. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Standard deviation of its random start; 0 starts at zero. */
  readonly deviation: number;
}

/** A convolutional network: how many channels each convolution has, and the parameters that follow from it. */
export interface Network {
  readonly shape: ModelShape;
  /** Channels after each convolution. */
  readonly widths: readonly number[];
  /** In the order in which they lie in the vector of all weights: a weight and a bias for each convolution, then for the classifier. */
  readonly parameters: readonly Parameter[];
}

const KERNEL = 3;
/**
 * Each convolution halves the image. Strided convolutions instead of pooling: the backward pass of max pooling alone
 * takes half of a training step on ONNX Runtime's CPU provider.
 */
const STRIDE = 2;
/** Convolutions are added until the longer side is at most this: the classifier still sees where things are, and has few weights. */
const FINAL_SIDE = 4;
/** Channels of the last convolution; each one before has half, so that every layer costs about the same. */
const FINAL_WIDTH = 128;
/** Fewer channels than this lose too much of the image. */
const MINIMUM_WIDTH = 8;

/** The network for images of this shape. */
export function designNetwork(shape: ModelShape): Network {
  let side = Math.max(shape.height, shape.width);
  let depth = 0;
  do {
    side = halved(side);
    depth++;
  } while (side > FINAL_SIDE);
  const widths = Array.from({ length: depth }, (_, index) => Math.max(MINIMUM_WIDTH, FINAL_WIDTH / 2 ** (depth - 1 - index)));
  return networkOf(shape, widths);
}

/** A network with these channels after each convolution. */
export function networkOf(shape: ModelShape, widths: readonly number[]): Network {
  const parameters: Parameter[] = [];
  let inputs: number = shape.channels;
  widths.forEach((outputs, index) => {
    // He et al. 2015 (arXiv:1502.01852): keeps the variance through layers with ReLU.
    const deviation = Math.sqrt(2 / (inputs * KERNEL * KERNEL));
    parameters.push({ name: `convolution${index + 1}.weight`, shape: [outputs, inputs, KERNEL, KERNEL], deviation });
    parameters.push({ name: `convolution${index + 1}.bias`, shape: [outputs], deviation: 0 });
    inputs = outputs;
  });
  const afterAll = (size: number): number => widths.reduce((side) => halved(side), size);
  const features = inputs * afterAll(shape.height) * afterAll(shape.width);
  // No ReLU follows the classifier, so half of He's variance keeps it.
  parameters.push({ name: 'classifier.weight', shape: [features, shape.classes], deviation: Math.sqrt(1 / features) });
  parameters.push({ name: 'classifier.bias', shape: [shape.classes], deviation: 0 });
  return { shape, widths, parameters };
}

/** Logits [batch, classes] of `pixels` (uint8 [batch, height, width, channels]); `parameters` as listed in the network. */
export function forward(tape: GradientTape, network: Network, pixels: Value, parameters: readonly Value[]): Value {
  const take = parameterReader(parameters);
  const features = network.widths.reduce((x) => relu(tape, convolution(tape, x, take(), take(), STRIDE)), normalise(pixels));
  return dense(tape, flatten(tape, features), take(), take());
}

/** Bytes [batch, height, width, channels] to numbers from -1 to 1 [batch, channels, height, width]. */
function normalise(pixels: Value): Value {
  const { graph } = pixels;
  const planes = onnx.cast(onnx.transpose(pixels, [0, 3, 1, 2]), 'float32');
  return onnx.subtract(onnx.multiply(planes, graph.scalar(1 / 127.5)), graph.scalar(1));
}

function halved(size: number): number {
  return Math.ceil(size / STRIDE);
}

function parameterReader(parameters: readonly Value[]): () => Value {
  const rest = parameters.values();
  return () => {
    const { value } = rest.next();
    if (value === undefined) throw new Error('the network has more parameters than were given');
    return value;
  };
}

import { TrainerError } from '../errors.ts';

/** What goes into a network and what comes out. Sizes in pixels. */
export interface ModelShape {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly classes: number;
}

/** A linear classifier on the pixels: logistic regression. */
export interface SoftmaxDesign {
  readonly model: 'softmax';
}

/** Convolutions that halve the image each, with ReLU, and a linear classifier on what the last one leaves. */
export interface ConvolutionalDesign {
  readonly model: 'cnn';
  /** Channels after each convolution. */
  readonly widths: readonly number[];
  /** Whether each convolution is followed by batch normalisation. */
  readonly batchNorm: boolean;
}

/** All that decides the form of a network besides its images; plain data, from which `networkOf` makes the network. */
export type ModelDesign = SoftmaxDesign | ConvolutionalDesign;

/** One tensor of the state of a network. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** How it starts: everywhere `mean`, or random around it where `deviation` is more than 0. */
  readonly start: { readonly mean: number; readonly deviation: number };
  /** Whether weight decay applies to it. It does not to biases and the parameters of norms, which have no scale to keep small. */
  readonly decays: boolean;
}

/** A network: its design and the tensors that follow from it. */
export interface Network {
  readonly shape: ModelShape;
  readonly design: ModelDesign;
  /** What gradients change, in the order in which they lie in the vector of all weights: first those that decay, then the others. */
  readonly parameters: readonly Parameter[];
  /** What training measures besides: the running mean and variance of each norm. Evaluation uses it in place of the batch's. */
  readonly statistics: readonly Parameter[];
}

/** What a user may say about a network. */
export interface ModelOptions {
  readonly model: 'softmax' | 'cnn';
  /** Channels of the last convolution (128); each one before has half, but at least 8. */
  readonly width?: number | undefined;
  /** Number of convolutions (as many as it takes until the longer side is at most 4 pixels). */
  readonly depth?: number | undefined;
  /** Batch normalisation after each convolution (false). */
  readonly batchNorm?: boolean | undefined;
}

/** Side of the kernel of each convolution, in pixels. */
const KERNEL = 3;
/**
 * Each convolution halves the image. Strided convolutions instead of pooling: the backward pass of max pooling alone
 * takes half of a training step on ONNX Runtime's CPU provider.
 */
export const STRIDE = 2;
/** Convolutions are added until the longer side is at most this: the classifier still sees where things are, and has few weights. */
const FINAL_SIDE = 4;
/** Channels of the last convolution; each one before has half, so that every layer costs about the same. */
const FINAL_WIDTH = 128;
/** Fewer channels than this lose too much of the image. */
const MINIMUM_WIDTH = 8;

/** The network that `options` ask for, for images of this shape. */
export function designNetwork(shape: ModelShape, options: ModelOptions): Network {
  if (options.model === 'softmax') return networkOf(shape, { model: 'softmax' });
  const side = Math.max(shape.height, shape.width);
  const { width = FINAL_WIDTH, depth = Math.max(1, halvings(side, FINAL_SIDE)), batchNorm = false } = options;
  const most = Math.max(1, halvings(side, 1));
  if (depth > most) {
    throw new TrainerError(
      'CONFIG_INVALID',
      `--depth ${depth} is too deep: an image of ${shape.height}x${shape.width} is one pixel after ${most} convolutions; give at most ${most}`,
    );
  }
  const least = Math.min(width, MINIMUM_WIDTH);
  const widths = Array.from({ length: depth }, (_, index) => Math.max(least, Math.round(width / 2 ** (depth - 1 - index))));
  return networkOf(shape, { model: 'cnn', widths, batchNorm });
}

/** The network of a design. */
export function networkOf(shape: ModelShape, design: ModelDesign): Network {
  const parameters: Parameter[] = [];
  const statistics: Parameter[] = [];
  let { height, width } = shape;
  let channels: number = shape.channels;
  if (design.model === 'cnn') {
    design.widths.forEach((outputs, index) => {
      const layer = `convolution${index + 1}`;
      // He et al. 2015 (arXiv:1502.01852): keeps the variance through layers with ReLU.
      const deviation = Math.sqrt(2 / (channels * KERNEL * KERNEL));
      parameters.push(weight(`${layer}.weight`, [outputs, channels, KERNEL, KERNEL], deviation));
      if (design.batchNorm) {
        const norm = `norm${index + 1}`;
        parameters.push(constant(`${norm}.scale`, outputs, 1), constant(`${norm}.bias`, outputs, 0));
        statistics.push(constant(`${norm}.mean`, outputs, 0), constant(`${norm}.variance`, outputs, 1));
      } else {
        parameters.push(constant(`${layer}.bias`, outputs, 0));
      }
      [channels, height, width] = [outputs, halved(height), halved(width)];
    });
  }
  const features = channels * height * width;
  // No ReLU follows the classifier, so half of He's variance keeps it.
  parameters.push(weight('classifier.weight', [features, shape.classes], Math.sqrt(1 / features)));
  parameters.push(constant('classifier.bias', shape.classes, 0));
  return {
    shape,
    design,
    parameters: [...parameters.filter(({ decays }) => decays), ...parameters.filter(({ decays }) => !decays)],
    statistics,
  };
}

/** The design in a few words, as `cnn 32-64-128`. */
export function describeDesign(design: ModelDesign): string {
  if (design.model === 'softmax') return 'softmax';
  return `cnn ${design.widths.join('-')}${design.batchNorm ? ' with batch norm' : ''}`;
}

function weight(name: string, shape: readonly number[], deviation: number): Parameter {
  return { name, shape, start: { mean: 0, deviation }, decays: true };
}

function constant(name: string, channels: number, mean: number): Parameter {
  return { name, shape: [channels], start: { mean, deviation: 0 }, decays: false };
}

function halved(size: number): number {
  return Math.ceil(size / STRIDE);
}

/** How many convolutions it takes until a side is at most `end` pixels. */
function halvings(side: number, end: number): number {
  return side <= end ? 0 : 1 + halvings(halved(side), end);
}

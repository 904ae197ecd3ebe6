import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { forwardTraining } from '../src/model/forward.ts';
import { GradientTape } from '../src/model/gradient-tape.ts';
import { mean, softmaxCrossEntropy } from '../src/model/layers.ts';
import { describeDesign, designNetwork, networkOf } from '../src/model/network.ts';
import type { ModelDesign, ModelOptions, ModelShape, Network } from '../src/model/network.ts';
import { pack, unpack } from '../src/model/packing.ts';
import { elementCount, initialState, stateVectors, tensorsOf } from '../src/model/training-state.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import { referencePass } from './reference-network.ts';
import { float32, load, numbers, samples } from './run-graph.ts';

const optimizer = { kind: 'adamw', weightDecay: 0 } as const;

interface Batch {
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
}

/** Loss, gradient of all weights, and statistics of the batch, from the graph of a network in training. */
async function lossAndGradient(network: Network, weights: Float32Array, { pixels, labels }: Batch) {
  const graph = new GraphBuilder('loss and gradient');
  const tape = new GradientTape(graph);
  const { height, width, channels } = network.shape;
  const shape = [labels.length, height, width, channels];
  const parameters = unpack(network.parameters, graph.input('weights', 'float32', [elementCount(network.parameters)]));
  const pass = forwardTraining(tape, network, graph.input('pixels', 'uint8', shape), parameters);
  const loss = mean(tape, softmaxCrossEntropy(tape, pass.logits, graph.input('labels', 'int32', [labels.length])));
  graph.output('loss', loss);
  graph.output('gradient', pack(tape.gradients(loss, [...parameters.values()])));
  const measured = network.statistics.map(({ name }) => pass.statistics.get(name)!);
  if (measured.length > 0) graph.output('statistics', pack(measured));
  const run = await load(graph);
  const results = await run({
    weights: float32(weights, [weights.length]),
    pixels: new Tensor('uint8', pixels, shape),
    labels: new Tensor('int32', labels, [labels.length]),
  });
  return {
    loss: numbers(results['loss'])[0]!,
    gradient: numbers(results['gradient']),
    statistics: measured.length > 0 ? numbers(results['statistics']) : [],
  };
}

function randomBatch(network: Network, size: number): Batch {
  const { height, width, channels, classes } = network.shape;
  const pixels = Uint8Array.from(samples(size * height * width * channels, 5), (value) => Math.round((value + 1) * 127.5));
  return { pixels, labels: Int32Array.from({ length: size }, (_, index) => (index * 2 + 1) % classes) };
}

/** Weights with which no parameter is at a special value: norms begin with scale 1 and bias 0. */
function randomWeights(network: Network): Float32Array {
  const weights = initialState(network, optimizer, 7)['weights']!;
  return weights.map((weight, index) => weight + 0.2 * samples(weights.length, 3)[index]!);
}

/** Slope of the reference loss along `direction`. In double precision so small a step crosses practically no kink of a ReLU. */
function slope(network: Network, weights: Float32Array, batch: Batch, direction: ArrayLike<number>): number {
  const epsilon = 1e-6;
  const at = (factor: number): number =>
    referencePass({ network, weights: Float64Array.from(weights, (weight, index) => weight + factor * direction[index]!), ...batch }).loss;
  return (at(epsilon) - at(-epsilon)) / (2 * epsilon);
}

const small: [name: string, ModelShape, ModelDesign][] = [
  ['softmax', { height: 5, width: 4, channels: 3, classes: 3 }, { model: 'softmax' }],
  ['cnn, gray, even sides', { height: 8, width: 6, channels: 1, classes: 3 }, { model: 'cnn', widths: [3, 4], batchNorm: false }],
  ['cnn, colour, odd sides', { height: 7, width: 9, channels: 3, classes: 4 }, { model: 'cnn', widths: [2, 3, 3], batchNorm: false }],
  ['cnn with batch norm', { height: 7, width: 6, channels: 3, classes: 3 }, { model: 'cnn', widths: [3, 4, 2], batchNorm: true }],
];

describe('a network in training', () => {
  it.each(small)(
    '%s: loss and every element of the gradient equal finite differences of a double precision reference',
    async (_, shape, design) => {
      const network = networkOf(shape, design);
      const weights = randomWeights(network);
      const batch = randomBatch(network, 3);
      const { loss, gradient, statistics } = await lossAndGradient(network, weights, batch);
      const reference = referencePass({ network, weights, ...batch });
      expect(loss).toBeCloseTo(reference.loss, 5);
      expect(statistics).toHaveLength(reference.statistics.length);
      statistics.forEach((value, index) => expect(value).toBeCloseTo(reference.statistics[index]!, 5));
      expect(gradient).toHaveLength(weights.length);
      for (let index = 0; index < weights.length; index++) {
        const unit = new Float64Array(weights.length);
        unit[index] = 1;
        const expected = slope(network, weights, batch, unit);
        expect(Math.abs(gradient[index]! - expected), `weight ${index}: ${gradient[index]!} against ${expected}`).toBeLessThan(
          1e-5 + 1e-4 * Math.abs(expected),
        );
      }
    },
  );

  const designed: [ModelShape, ModelOptions][] = [
    [{ height: 28, width: 28, channels: 1, classes: 10 }, { model: 'softmax' }],
    [{ height: 28, width: 28, channels: 1, classes: 10 }, { model: 'cnn' }],
    [{ height: 40, width: 33, channels: 3, classes: 5 }, { model: 'cnn' }],
    [
      { height: 28, width: 28, channels: 1, classes: 10 },
      { model: 'cnn', width: 24, depth: 2, batchNorm: true },
    ],
  ];
  it.each(designed)('%o, as %o asks for: the gradient agrees along a direction through each parameter', async (shape, options) => {
    const network = designNetwork(shape, options);
    const { weights } = initialState(network, optimizer, 1);
    const batch = randomBatch(network, 2);
    const { loss, gradient } = await lossAndGradient(network, weights!, batch);
    expect(loss).toBeCloseTo(referencePass({ network, weights: weights!, ...batch }).loss, 4);
    const [vector] = stateVectors(network, optimizer);
    for (const { name, data } of tensorsOf(vector!, Float32Array.from(weights!.keys()))) {
      // Along the gradient itself the slope is its length, the largest there is, so no sign or factor can hide.
      const direction = new Float64Array(weights!.length);
      for (const index of data) direction[index] = gradient[index]!;
      const length = Math.hypot(...direction);
      const unit = direction.map((element) => element / length);
      const expected = slope(network, weights!, batch, unit);
      expect(Math.abs(length - expected) / expected, name).toBeLessThan(1e-3);
    }
  });
});

describe('the design of a network', () => {
  const widths = (height: number, width: number, options: Omit<ModelOptions, 'model'> = {}): readonly number[] => {
    const { design } = designNetwork({ height, width, channels: 3, classes: 10 }, { model: 'cnn', ...options });
    return design.model === 'cnn' ? design.widths : [];
  };

  it('halves the image until it is small, whatever its shape', () => {
    expect(widths(28, 28)).toEqual([32, 64, 128]);
    expect(widths(224, 224)).toEqual([8, 8, 16, 32, 64, 128]);
    expect(widths(1, 1)).toEqual([128]);
    expect(widths(3, 640)).toEqual([8, 8, 8, 8, 16, 32, 64, 128]);
  });

  it('has the width and depth that it was asked for', () => {
    expect(widths(28, 28, { width: 100 })).toEqual([25, 50, 100]);
    expect(widths(28, 28, { width: 4 })).toEqual([4, 4, 4]);
    expect(widths(28, 28, { depth: 1 })).toEqual([128]);
    expect(widths(28, 28, { depth: 5 })).toEqual([8, 16, 32, 64, 128]);
    expect(() => widths(28, 20, { depth: 6 })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: '--depth 6 is too deep: an image of 28x20 is one pixel after 5 convolutions; give at most 5',
      }) as Error,
    );
  });

  it('is told in a few words', () => {
    const shape = { height: 28, width: 28, channels: 1, classes: 10 } as const;
    expect(describeDesign(designNetwork(shape, { model: 'softmax' }).design)).toBe('softmax');
    expect(describeDesign(designNetwork(shape, { model: 'cnn', batchNorm: true }).design)).toBe('cnn 32-64-128 with batch norm');
  });

  it('lets weights decay, but no biases and no parameters of norms, and puts those that do first', () => {
    const { parameters } = designNetwork({ height: 9, width: 9, channels: 1, classes: 2 }, { model: 'cnn', width: 8, batchNorm: true });
    expect(parameters.map(({ name, decays }) => `${name} ${decays}`)).toEqual([
      'convolution1.weight true',
      'convolution2.weight true',
      'classifier.weight true',
      'norm1.scale false',
      'norm1.bias false',
      'norm2.scale false',
      'norm2.bias false',
      'classifier.bias false',
    ]);
  });
});

describe('the state of a training', () => {
  const network = designNetwork({ height: 28, width: 28, channels: 1, classes: 10 }, { model: 'cnn', batchNorm: true });

  it('begins with weights that depend on the seed alone, with the spread that He proposed', () => {
    const { weights } = initialState(network, optimizer, 42);
    expect(initialState(network, optimizer, 42)['weights']).toEqual(weights);
    expect(initialState(network, optimizer, 0)['weights']).not.toEqual(weights);
    expect(initialState(network, optimizer, 0)['weights']).not.toEqual(initialState(network, optimizer, 1)['weights']);
    const second = weights!.subarray(32 * 9, 32 * 9 + 64 * 32 * 9);
    const deviation = Math.sqrt(second.reduce((sum, weight) => sum + weight * weight, 0) / second.length);
    expect(deviation).toBeCloseTo(Math.sqrt(2 / (32 * 9)), 3);
    expect(weights!.subarray(-10)).toEqual(new Float32Array(10));
  });

  it('consists of tensors whose names are all different, norms beginning as the identity', () => {
    const state = initialState(network, { kind: 'adamw', weightDecay: 0.01 }, 42);
    const tensors = stateVectors(network, { kind: 'adamw', weightDecay: 0.01 }).flatMap((vector) => tensorsOf(vector, state[vector.name]!));
    expect(new Set(tensors.map(({ name }) => name)).size).toBe(tensors.length);
    const named = (name: string) => tensors.find((tensor) => tensor.name === name);
    expect(named('convolution2.weight')).toMatchObject({ shape: [64, 32, 3, 3] });
    expect(named('second_moment.classifier.bias')).toMatchObject({ shape: [10], data: new Float32Array(10) });
    for (const name of ['norm1.scale', 'norm1.variance']) expect(named(name)?.data).toEqual(new Float32Array(32).fill(1));
    for (const name of ['norm1.bias', 'norm1.mean']) expect(named(name)?.data).toEqual(new Float32Array(32));
  });

  it('has what its optimizer and network need, no more', () => {
    const plain = designNetwork({ height: 4, width: 4, channels: 1, classes: 2 }, { model: 'softmax' });
    expect(Object.keys(initialState(plain, { kind: 'sgd', momentum: 0.9, weightDecay: 0 }, 1))).toEqual(['weights', 'velocity']);
    expect(Object.keys(initialState(network, optimizer, 1))).toEqual(['weights', 'first_moment', 'second_moment', 'statistics']);
  });
});

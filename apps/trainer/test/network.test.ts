import { describe, expect, it } from 'vitest';
import { GradientTape } from '../src/model/gradient-tape.ts';
import { mean, softmaxCrossEntropy } from '../src/model/layers.ts';
import { designNetwork, forward, networkOf } from '../src/model/network.ts';
import type { Network } from '../src/model/network.ts';
import { initialWeights, packWeights, unpackWeights, weightCount } from '../src/model/weights.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import { Tensor } from 'onnxruntime-node';
import { referenceLoss } from './reference-network.ts';
import { float32, load, numbers, samples } from './run-graph.ts';

const BATCH = 3;

/** Loss and gradient of all weights of a network, from its graph. */
async function lossAndGradient(network: Network, weights: Float32Array, pixels: Uint8Array, labels: Int32Array) {
  const graph = new GraphBuilder('loss and gradient');
  const tape = new GradientTape(graph);
  const { height, width, channels } = network.shape;
  const shape = [labels.length, height, width, channels];
  const parameters = unpackWeights(network, graph.input('weights', 'float32', [weightCount(network)]));
  const logits = forward(tape, network, graph.input('pixels', 'uint8', shape), parameters);
  const loss = mean(tape, softmaxCrossEntropy(tape, logits, graph.input('labels', 'int32', [labels.length])));
  graph.output('loss', loss);
  graph.output('gradient', packWeights(tape.gradients(loss, parameters)));
  const run = await load(graph);
  const results = await run({
    weights: float32(weights, [weights.length]),
    pixels: new Tensor('uint8', pixels, shape),
    labels: new Tensor('int32', labels, [labels.length]),
  });
  return { loss: numbers(results['loss'])[0]!, gradient: numbers(results['gradient']) };
}

function randomBatch(network: Network, size: number): { pixels: Uint8Array; labels: Int32Array } {
  const { height, width, channels, classes } = network.shape;
  const pixels = Uint8Array.from(samples(size * height * width * channels, 5), (value) => Math.round((value + 1) * 127.5));
  return { pixels, labels: Int32Array.from({ length: size }, (_, index) => (index * 2 + 1) % classes) };
}

/** Slope of the reference loss along `direction`. In double precision so small a step crosses practically no kink of a ReLU. */
function slope(
  network: Network,
  weights: Float32Array,
  batch: { pixels: Uint8Array; labels: Int32Array },
  direction: ArrayLike<number>,
): number {
  const epsilon = 1e-6;
  const at = (factor: number): number =>
    referenceLoss(
      network,
      Float64Array.from(weights, (weight, index) => weight + factor * direction[index]!),
      batch.pixels,
      batch.labels,
    );
  return (at(epsilon) - at(-epsilon)) / (2 * epsilon);
}

describe('the network', () => {
  it.each([
    ['gray, even sides', networkOf({ height: 8, width: 6, channels: 1, classes: 3 }, [3, 4])],
    ['colour, odd sides', networkOf({ height: 7, width: 9, channels: 3, classes: 4 }, [2, 3, 3])],
  ])('%s: loss and every element of the gradient equal finite differences of a double precision reference', async (_, network) => {
    const weights = initialWeights(network, 7);
    const batch = randomBatch(network, BATCH);
    const { loss, gradient } = await lossAndGradient(network, weights, batch.pixels, batch.labels);
    expect(loss).toBeCloseTo(referenceLoss(network, weights, batch.pixels, batch.labels), 5);
    for (let index = 0; index < weights.length; index++) {
      const unit = new Float64Array(weights.length);
      unit[index] = 1;
      const expected = slope(network, weights, batch, unit);
      expect(Math.abs(gradient[index]! - expected), `weight ${index}: ${gradient[index]!} against ${expected}`).toBeLessThan(
        1e-5 + 1e-4 * Math.abs(expected),
      );
    }
  });

  it.each([
    { height: 28, width: 28, channels: 1, classes: 10 },
    { height: 40, width: 33, channels: 3, classes: 5 },
  ] as const)(
    'as designed for $height x $width x $channels: the gradient agrees along a direction through each parameter',
    async (shape) => {
      const network = designNetwork(shape);
      const weights = initialWeights(network, 1);
      const batch = randomBatch(network, 2);
      const { loss, gradient } = await lossAndGradient(network, weights, batch.pixels, batch.labels);
      expect(loss).toBeCloseTo(referenceLoss(network, weights, batch.pixels, batch.labels), 4);
      let position = 0;
      for (const parameter of network.parameters) {
        const end = position + parameter.shape.reduce((product, size) => product * size, 1);
        // Along the gradient itself the slope is its length, the largest there is, so no sign or factor can hide.
        const direction = Float64Array.from(gradient, (element, index) => (index >= position && index < end ? element : 0));
        const length = Math.hypot(...direction.subarray(position, end));
        const expected = slope(
          network,
          weights,
          batch,
          direction.map((element) => element / length),
        );
        expect(Math.abs(length - expected) / expected, parameter.name).toBeLessThan(1e-3);
        position = end;
      }
      expect(position).toBe(weights.length);
    },
  );

  it('halves the image until it is small, whatever its shape', () => {
    const widths = (height: number, width: number): readonly number[] => designNetwork({ height, width, channels: 3, classes: 10 }).widths;
    expect(widths(28, 28)).toEqual([32, 64, 128]);
    expect(widths(224, 224)).toEqual([8, 8, 16, 32, 64, 128]);
    expect(widths(1, 1)).toEqual([128]);
    expect(widths(3, 640)).toEqual([8, 8, 8, 8, 16, 32, 64, 128]);
  });

  it('starts from weights that depend on the seed alone, with the spread that He proposed', () => {
    const network = designNetwork({ height: 28, width: 28, channels: 1, classes: 10 });
    const weights = initialWeights(network, 42);
    expect(initialWeights(network, 42)).toEqual(weights);
    expect(initialWeights(network, 0)).not.toEqual(weights);
    expect(initialWeights(network, 0)).not.toEqual(initialWeights(network, 1));
    const second = weights.subarray(32 * 9 + 32, 32 * 9 + 32 + 64 * 32 * 9);
    const deviation = Math.sqrt(second.reduce((sum, weight) => sum + weight * weight, 0) / second.length);
    expect(deviation).toBeCloseTo(Math.sqrt(2 / (32 * 9)), 3);
    expect(weights.subarray(-10)).toEqual(new Float32Array(10));
  });
});

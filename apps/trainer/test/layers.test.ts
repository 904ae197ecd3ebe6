import { describe, expect, it } from 'vitest';
import { batchNorm, fixedNorm, updatedStatistics } from '../src/model/batch-norm.ts';
import { GradientTape } from '../src/model/gradient-tape.ts';
import { convolution, dense, flatten, mean, relu, softmaxCrossEntropy } from '../src/model/layers.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import type { Value } from '../src/onnx/graph-builder.ts';
import { expand, multiply, reduceSum } from '../src/onnx/operators.ts';
import { referenceBatchNorm } from './reference-network.ts';
import { float32, load, numbers, samples } from './run-graph.ts';
import type { Feeds } from './run-graph.ts';

type Layer = (tape: GradientTape, inputs: Record<string, Value>) => Value;

/**
 * Compares the gradient of sum(layer(inputs) * r), r random, with central differences, for every element of every input.
 * Layers that are linear in each input have exact central differences at any step, so a large step leaves only float32's rounding.
 */
async function checkGradients(
  layer: Layer,
  inputs: Record<string, { shape: number[]; values?: number[] }>,
  options: { epsilon?: number; tolerance?: number } = {},
): Promise<void> {
  const { epsilon = 0.25, tolerance = 2e-5 } = options;
  const graph = new GraphBuilder('gradient check');
  const tape = new GradientTape(graph);
  const values = Object.entries(inputs).map(([name, { shape }]) => graph.input(name, 'float32', shape));
  const result = layer(tape, Object.fromEntries(values.map((value) => [value.name, value])));
  const loss = weightedSum(tape, result);
  graph.output('loss', loss);
  tape.gradients(loss, values).forEach((gradient, index) => {
    expect(gradient.shape, `shape of the gradient of ${values[index]!.name}`).toEqual(values[index]!.shape);
    graph.output(`gradient of ${values[index]!.name}`, gradient);
  });
  const run = await load(graph);

  const point = new Map(values.map((value, seed) => [value.name, inputs[value.name]!.values ?? samples(value.elements, seed + 1, 0.3)]));
  const feeds = (changed?: { name: string; index: number; by: number }): Feeds =>
    Object.fromEntries(
      values.map(({ name }) => {
        const data = [...point.get(name)!];
        if (changed?.name === name) data[changed.index]! += changed.by;
        return [name, float32(data, inputs[name]!.shape)];
      }),
    );
  const lossAt = async (name: string, index: number, by: number): Promise<number> =>
    numbers((await run(feeds({ name, index, by })))['loss'])[0]!;

  const gradients = await run(feeds());
  for (const { name, elements } of values) {
    const gradient = numbers(gradients[`gradient of ${name}`]);
    expect(gradient.some((element) => element !== 0)).toBe(true);
    for (let index = 0; index < elements; index++) {
      const difference = ((await lossAt(name, index, epsilon)) - (await lossAt(name, index, -epsilon))) / (2 * epsilon);
      expect(Math.abs(gradient[index]! - difference), `${name}[${index}]: ${gradient[index]!} against ${difference}`).toBeLessThan(
        tolerance * Math.max(1, Math.abs(difference)),
      );
    }
  }
}

/** sum(x * r) for random r, as a layer: its gradient gives the layer under test a different dy for each element. */
function weightedSum(tape: GradientTape, x: Value): Value {
  const shape = x.shape.map((_, axis) => x.size(axis));
  const factors = x.graph.constant(Float32Array.from(samples(x.elements, 99, 0.2)), shape);
  const axes = shape.map((_, axis) => axis);
  const sum = reduceSum(multiply(x, factors), axes, false);
  return tape.record(sum, [{ input: x, gradient: (dy) => multiply(factors, expand(dy, shape)) }]);
}

describe('gradients equal central differences', () => {
  // Odd and even sides: with stride 2 the kernel then ends on the margin or before it.
  const convolutions: [name: string, x: number[], weight: number[], stride: number][] = [
    ['stride 1', [2, 2, 5, 4], [3, 2, 3, 3], 1],
    ['stride 2, even sides', [2, 2, 6, 8], [3, 2, 3, 3], 2],
    ['stride 2, odd sides', [2, 3, 7, 5], [2, 3, 3, 3], 2],
    ['stride 2, one odd side', [1, 1, 4, 7], [2, 1, 3, 3], 2],
    ['stride 2, one pixel', [2, 2, 1, 1], [2, 2, 3, 3], 2],
    ['kernel 1', [2, 2, 3, 3], [2, 2, 1, 1], 1],
    ['kernel 5, stride 3', [1, 2, 8, 9], [2, 2, 5, 5], 3],
  ];
  it.each(convolutions)('convolution: %s', async (_, x, weight, stride) => {
    await checkGradients((tape, { x, weight, bias }) => convolution(tape, x!, weight!, bias, stride), {
      x: { shape: x },
      weight: { shape: weight },
      bias: { shape: [weight[0]!] },
    });
  });

  it('convolution without bias', async () => {
    await checkGradients((tape, { x, weight }) => convolution(tape, x!, weight!, undefined, 2), {
      x: { shape: [2, 2, 5, 4] },
      weight: { shape: [3, 2, 3, 3] },
    });
  });

  it('relu, away from its kink', async () => {
    await checkGradients((tape, { x }) => relu(tape, x!), { x: { shape: [3, 2, 2, 2] } });
  });

  it('flatten', async () => {
    await checkGradients((tape, { x }) => flatten(tape, x!), { x: { shape: [2, 3, 2, 2] } });
  });

  it('dense', async () => {
    await checkGradients((tape, { x, weight, bias }) => dense(tape, x!, weight!, bias!), {
      x: { shape: [3, 4] },
      weight: { shape: [4, 5] },
      bias: { shape: [5] },
    });
  });

  it('mean', async () => {
    await checkGradients((tape, { x }) => mean(tape, x!), { x: { shape: [7] } });
  });

  it('softmax cross entropy', async () => {
    // Not linear: the step balances its square against rounding.
    const labels = Int32Array.of(0, 3, 1);
    await checkGradients(
      (tape, { logits }) => softmaxCrossEntropy(tape, logits!, logits!.graph.constant(labels, [3])),
      { logits: { shape: [3, 4] } },
      { epsilon: 0.01, tolerance: 1e-4 },
    );
  });

  it('of a value that is used twice: both paths add up', async () => {
    await checkGradients(
      (tape, { x, weight, bias }) => dense(tape, dense(tape, x!, weight!, bias!), weight!, bias!),
      {
        x: { shape: [2, 3] },
        weight: { shape: [3, 3] },
        bias: { shape: [3] },
      },
      { epsilon: 0.01, tolerance: 1e-3 },
    );
  });
});

describe('batch norm', () => {
  const shape = [3, 2, 2, 4];
  const x = samples(48, 1, 0.1).map((value, index) => 5 * value + 3 * Math.floor(index / 8));
  const [scale, bias] = [samples(2, 2, 0.5), samples(2, 3)];

  /** Its results for these inputs in training, with the gradients of sum(y * factors). */
  async function trained(x: number[], scale: number[], bias: number[], factors: number[]) {
    const graph = new GraphBuilder('batch norm');
    const tape = new GradientTape(graph);
    const inputs = [graph.input('x', 'float32', shape), graph.input('scale', 'float32', [2]), graph.input('bias', 'float32', [2])] as const;
    const { y, mean, variance } = batchNorm(tape, ...inputs);
    const weighted = graph.constant(Float32Array.from(factors), shape);
    const loss = tape.record(reduceSum(multiply(y, weighted), [0, 1, 2, 3], false), [
      { input: y, gradient: (dy) => multiply(weighted, expand(dy, shape)) },
    ]);
    const results = { y, mean, variance };
    tape.gradients(loss, inputs).forEach((gradient, index) => graph.output(`gradient ${inputs[index]!.name}`, gradient));
    for (const [name, value] of Object.entries(results)) graph.output(name, value);
    const run = await load(graph);
    const outputs = await run({ x: float32(x, shape), scale: float32(scale, [2]), bias: float32(bias, [2]) });
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, numbers(tensor)]));
  }

  function expectClose(actual: number[] | undefined, expected: number[], name: string): void {
    expect(actual, name).toHaveLength(expected.length);
    expected.forEach((value, index) => {
      expect(Math.abs(actual![index]! - value), `${name}[${index}]: ${actual![index]!} against ${value}`).toBeLessThan(
        2e-5 * Math.max(1, Math.abs(value)),
      );
    });
  }

  it('gives each channel the mean and spread that bias and scale say, and the statistics of the batch', async () => {
    const { y, mean, variance } = await trained(x, scale, bias, samples(48, 9));
    const reference = referenceBatchNorm({ data: x, shape }, scale, bias);
    expectClose(y, reference.y, 'y');
    expectClose(mean, reference.mean, 'mean');
    // 24 values in each channel: as estimated without bias.
    expectClose(
      variance,
      reference.variance.map((value) => (value * 24) / 23),
      'variance',
    );
  });

  it('has gradients, through mean and variance too, that equal central differences in double precision', async () => {
    const factors = samples(48, 9, 0.2);
    const results = await trained(x, scale, bias, factors);
    const loss = (inputs: { x: number[]; scale: number[]; bias: number[] }): number =>
      referenceBatchNorm({ data: inputs.x, shape }, inputs.scale, inputs.bias).y.reduce(
        (sum, value, index) => sum + value * factors[index]!,
        0,
      );
    const epsilon = 1e-5;
    for (const name of ['x', 'scale', 'bias'] as const) {
      const point = { x, scale, bias };
      const expected = point[name].map((_, index) => {
        const at = (by: number): number => loss({ ...point, [name]: point[name].with(index, point[name][index]! + by) });
        return (at(epsilon) - at(-epsilon)) / (2 * epsilon);
      });
      expectClose(results[`gradient ${name}`], expected, name);
    }
  });

  it('does not divide by 0 where a channel is everywhere the same', async () => {
    const results = await trained(new Array<number>(48).fill(0.7), scale, bias, samples(48, 9));
    for (const [name, values] of Object.entries(results)) expect(values.every(Number.isFinite), name).toBe(true);
    expectClose(results['y'], referenceBatchNorm({ data: new Array<number>(48).fill(0.7), shape }, scale, bias).y, 'y');
  });

  it('in use goes by the running statistics, which follow those of the batches', async () => {
    const graph = new GraphBuilder('running');
    const input = (name: string): Value => graph.input(name, 'float32', [2]);
    const values = { scale: input('scale'), bias: input('bias'), mean: input('mean'), variance: input('variance') };
    graph.output('y', fixedNorm(graph.input('x', 'float32', shape), values));
    graph.output('next', updatedStatistics(values.mean, input('batch')));
    const run = await load(graph);
    const { mean, variance } = referenceBatchNorm({ data: x, shape }, scale, bias);
    const feeds = Object.entries({ scale, bias, mean, variance, batch: [7, -3] });
    const results = await run({ x: float32(x, shape), ...Object.fromEntries(feeds.map(([name, data]) => [name, float32(data, [2])])) });
    expectClose(numbers(results['y']), referenceBatchNorm({ data: x, shape }, scale, bias).y, 'y');
    expectClose(numbers(results['next']), [0.9 * mean[0]! + 0.7, 0.9 * mean[1]! - 0.3], 'next');
  });

  it('refuses a batch in which a channel has one value', () => {
    const graph = new GraphBuilder('single');
    const vector = graph.input('vector', 'float32', [2]);
    expect(() => batchNorm(new GradientTape(graph), graph.input('x', 'float32', [1, 2, 1, 1]), vector, vector)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('raise --batch-size or lower --depth') as string,
      }) as Error,
    );
  });
});

describe('the tape', () => {
  it('adds nothing to the graph for values that need no gradient', () => {
    const sizeWith = (targets: (inputs: { x: Value; weight: Value; bias: Value }) => Value[]): number => {
      const graph = new GraphBuilder('lean');
      const tape = new GradientTape(graph);
      const inputs = {
        x: graph.input('x', 'float32', [2, 3]),
        weight: graph.input('weight', 'float32', [3, 1]),
        bias: graph.input('bias', 'float32', [1]),
      };
      const loss = weightedSum(tape, dense(tape, inputs.x, inputs.weight, inputs.bias));
      tape.gradients(loss, targets(inputs));
      return graph.build().length;
    };
    expect(sizeWith(({ weight }) => [weight])).toBeLessThan(sizeWith(({ x, weight }) => [x, weight]));
  });

  it('refuses a target that the loss does not depend on', () => {
    const graph = new GraphBuilder('apart');
    const tape = new GradientTape(graph);
    const x = graph.input('x', 'float32', [2]);
    const y = graph.input('y', 'float32', [2]);
    expect(() => tape.gradients(mean(tape, x), [y])).toThrow('does not depend on y');
  });

  it('has no convolution whose kernel skips pixels', () => {
    const graph = new GraphBuilder('gaps');
    const tape = new GradientTape(graph);
    const input = (name: string, shape: number[]): Value => graph.input(name, 'float32', shape);
    expect(() => convolution(tape, input('x', [1, 1, 8, 8]), input('w', [1, 1, 3, 3]), input('b', [1]), 3)).toThrow(
      'kernel 3 and stride 3',
    );
  });
});

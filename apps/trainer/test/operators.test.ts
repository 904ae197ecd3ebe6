import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { float, GraphBuilder } from '../src/onnx/graph-builder.ts';
import type { Value } from '../src/onnx/graph-builder.ts';
import * as onnx from '../src/onnx/operators.ts';
import { modelType } from '../src/onnx/proto.ts';
import { load, samples } from './run-graph.ts';

type Inputs = Record<'image' | 'weight' | 'bias' | 'matrix' | 'other' | 'vector' | 'channels' | 'labels', Value>;

const inputShapes: Record<keyof Inputs, number[]> = {
  image: [2, 3, 5, 4],
  weight: [4, 3, 3, 3],
  bias: [4],
  matrix: [3, 4],
  other: [4, 5],
  vector: [6],
  channels: [3],
  labels: [3],
};

const operators: Record<string, (inputs: Inputs) => Value | Value[]> = {
  add: ({ matrix, bias }) => onnx.add(matrix, bias),
  'add, the other way round': ({ matrix, bias }) => onnx.add(bias, matrix),
  subtract: ({ image }) => onnx.subtract(image, image.graph.scalar(2)),
  multiply: ({ matrix }) => onnx.multiply(matrix, matrix),
  divide: ({ matrix }) => onnx.divide(matrix, matrix),
  power: ({ matrix }) => onnx.power(onnx.multiply(matrix, matrix), matrix),
  greater: ({ matrix }) => onnx.greater(matrix, matrix.graph.scalar(0)),
  relu: ({ image }) => onnx.relu(image),
  negate: ({ image }) => onnx.negate(image),
  squareRoot: ({ matrix }) => onnx.squareRoot(onnx.multiply(matrix, matrix)),
  reciprocal: ({ image }) => onnx.reciprocal(image),
  exponential: ({ image }) => onnx.exponential(image),
  softmax: ({ matrix }) => onnx.softmax(matrix),
  logSoftmax: ({ matrix }) => onnx.logSoftmax(matrix),
  cast: ({ matrix }) => onnx.cast(matrix, 'float64'),
  matrixMultiply: ({ matrix, other }) => onnx.matrixMultiply(matrix, other),
  'matrixMultiply, turned': ({ matrix, other }) => onnx.matrixMultiply(other, matrix, { transposeA: true, transposeB: true }),
  convolve: ({ image, weight, bias }) => onnx.convolve(image, weight, { stride: 2, padding: [1, 1, 1, 1] }, bias),
  'convolve, dilated': ({ image, weight }) => onnx.convolve(image, weight, { stride: 1, dilation: 2, padding: [1, 2, 0, 1] }),
  batchNormalization: ({ image, channels }) =>
    onnx.batchNormalization(image, { scale: channels, bias: channels, mean: channels, variance: onnx.exponential(channels) }, 1e-5),
  convolveTransposed: ({ image, weight }) => {
    const geometry = { stride: 2, padding: [1, 1, 1, 1] } as const;
    return onnx.convolveTransposed(onnx.convolve(image, weight, geometry), weight, geometry, image.shape);
  },
  'reduceSum, kept': ({ image }) => onnx.reduceSum(image, [0, 2]),
  'reduceSum, dropped': ({ image }) => onnx.reduceSum(image, [1, 3], false),
  reduceMean: ({ image }) => onnx.reduceMean(image, [0, 1]),
  argMax: ({ matrix }) => onnx.argMax(matrix),
  oneHot: ({ labels }) => onnx.oneHot(labels, 7),
  reshape: ({ image }) => onnx.reshape(image, [6, 20]),
  flatten: ({ image }) => onnx.flatten(image),
  transpose: ({ image }) => onnx.transpose(image, [0, 2, 3, 1]),
  expand: ({ bias }) => onnx.expand(bias, [3, 4]),
  split: ({ vector }) => onnx.split(vector, [1, 3, 2]),
  concatenate: ({ matrix }) => onnx.concatenate([matrix, matrix, matrix], 1),
};

describe('operators', () => {
  it.each(Object.keys(operators))('%s says the shape and type that ONNX Runtime computes', async (name) => {
    const graph = new GraphBuilder('operator');
    const inputs = Object.fromEntries(
      Object.entries(inputShapes).map(([key, shape]) => [key, graph.input(key, key === 'labels' ? 'int64' : 'float32', shape)]),
    ) as Inputs;
    const results = [operators[name]!(inputs)].flat();
    results.forEach((value, index) => graph.output(`result ${index}`, value));
    const run = await load(graph);
    const outputs = await run(
      Object.fromEntries(
        Object.entries(inputShapes).map(([key, shape], seed) => {
          const size = shape.reduce((product, length) => product * length, 1);
          const data =
            key === 'labels'
              ? BigInt64Array.from({ length: size }, (_, index) => BigInt(index))
              : Float32Array.from(samples(size, seed + 1));
          return [key, new Tensor(data as Float32Array, shape)];
        }),
      ),
    );
    results.forEach((value, index) => {
      expect(outputs[`result ${index}`]?.dims).toEqual(value.shape);
      expect(outputs[`result ${index}`]?.type).toBe(value.type);
    });
  });

  it('are all tested', () => {
    const tested = new Set(Object.keys(operators).map((name) => name.split(',')[0]));
    expect(Object.keys(onnx).filter((name) => !tested.has(name))).toEqual([]);
  });

  it('refuse shapes that do not fit together', () => {
    const graph = new GraphBuilder('misfit');
    const a = graph.input('a', 'float32', [2, 3]);
    const b = graph.input('b', 'float32', [2]);
    expect(() => onnx.add(a, b)).toThrow('a [2, 3] and b [2] do not fit together');
    expect(() => onnx.transpose(a, [0, 2])).toThrow('a [2, 3] has no dimension 2');
  });
});

describe('the graph builder', () => {
  it('writes what the schema says: names, types, shapes, attributes, constants and metadata', () => {
    const graph = new GraphBuilder('example');
    const x = graph.input('x', 'uint8', ['batch', 3]);
    const constant = graph.constant(Int32Array.of(1, -2), [2], 'numbers');
    const result = graph.node('Example', [x, constant], { axis: -1, name: 'text', list: [1, 2], factor: float(0.5) }, 'float32', ['batch']);
    graph.output('y', result);
    const model = modelType.toObject(modelType.decode(graph.build({ key: 'value' })), { longs: Number, bytes: String });
    expect(model).toMatchObject({
      irVersion: 8,
      producerName: 'warpforge-train',
      opsetImport: [{ version: 17 }],
      metadataProps: [{ key: 'key', value: 'value' }],
      graph: {
        name: 'example',
        input: [{ name: 'x', type: { tensorType: { elemType: 2, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 3 }] } } } }],
        output: [{ name: 'y', type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'batch' }] } } } }],
        initializer: [{ name: 'numbers', dataType: 6, dims: [2], rawData: Buffer.from(Int32Array.of(1, -2).buffer).toString('base64') }],
        node: [
          {
            opType: 'Example',
            input: ['x', 'numbers'],
            attribute: [
              { name: 'axis', type: 2, i: -1 },
              { name: 'name', type: 3, s: Buffer.from('text').toString('base64') },
              { name: 'list', type: 7, ints: [1, 2] },
              { name: 'factor', type: 1, f: 0.5 },
            ],
          },
          { opType: 'Identity', input: [result.name], output: ['y'] },
        ],
      },
    });
  });

  it('stores the same scalar once and refuses values of another graph', () => {
    const graph = new GraphBuilder('one');
    expect(graph.scalar(3)).toBe(graph.scalar(3));
    expect(() => onnx.add(graph.scalar(3), new GraphBuilder('two').input('x', 'float32', []))).toThrow('belongs to another graph');
  });

  it('knows which sizes are only known at run time', () => {
    const x = new GraphBuilder('sizes').input('x', 'float32', ['batch', 3]);
    expect(x.size(1)).toBe(3);
    expect(() => x.size(0)).toThrow('dimension 0 of x [batch, 3] is not a fixed size');
    expect(() => x.elements).toThrow('not a fixed size');
  });
});

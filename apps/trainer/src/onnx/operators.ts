import { float } from './graph-builder.ts';
import type { Dimension, ElementType, Shape, Value } from './graph-builder.ts';

/**
 * The ONNX operators that this program uses, with the shape of their result.
 * Each adds one node to the graph of its arguments. Meaning: https://onnx.ai/onnx/operators/
 */

export function add(a: Value, b: Value): Value {
  return elementwise('Add', a, b);
}

export function subtract(a: Value, b: Value): Value {
  return elementwise('Sub', a, b);
}

export function multiply(a: Value, b: Value): Value {
  return elementwise('Mul', a, b);
}

export function divide(a: Value, b: Value): Value {
  return elementwise('Div', a, b);
}

export function power(base: Value, exponent: Value): Value {
  return elementwise('Pow', base, exponent);
}

/** Where `a` is greater than `b`. */
export function greater(a: Value, b: Value): Value {
  return elementwise('Greater', a, b, 'bool');
}

/** max(x, 0) */
export function relu(x: Value): Value {
  return x.graph.node('Relu', [x], {}, x.type, x.shape);
}

export function negate(x: Value): Value {
  return x.graph.node('Neg', [x], {}, x.type, x.shape);
}

export function squareRoot(x: Value): Value {
  return x.graph.node('Sqrt', [x], {}, x.type, x.shape);
}

/** 1 / x */
export function reciprocal(x: Value): Value {
  return x.graph.node('Reciprocal', [x], {}, x.type, x.shape);
}

export function exponential(x: Value): Value {
  return x.graph.node('Exp', [x], {}, x.type, x.shape);
}

/** log(softmax(x)) over the last dimension. */
export function logSoftmax(x: Value): Value {
  return x.graph.node('LogSoftmax', [x], { axis: -1 }, x.type, x.shape);
}

export function softmax(x: Value): Value {
  return x.graph.node('Softmax', [x], { axis: -1 }, x.type, x.shape);
}

export function cast(x: Value, type: 'float32' | 'float64' | 'int64'): Value {
  const to = { float32: 1, float64: 11, int64: 7 }[type];
  return x.graph.node('Cast', [x], { to }, type, x.shape);
}

/** a [m, k] times b [k, n], plus bias [n]; with a flag, that matrix is given the other way round. */
export function matrixMultiply(a: Value, b: Value, options: { transposeA?: boolean; transposeB?: boolean; bias?: Value } = {}): Value {
  const { transposeA = false, transposeB = false, bias } = options;
  const shape = [dimension(a, transposeA ? 1 : 0), dimension(b, transposeB ? 0 : 1)];
  const attributes = { transA: Number(transposeA), transB: Number(transposeB) };
  return a.graph.node('Gemm', bias ? [a, b, bias] : [a, b], attributes, a.type, shape);
}

/** Geometry of a convolution with a square kernel; all sizes in pixels. */
export interface ConvolutionGeometry {
  /** Distance between two positions of the kernel. */
  readonly stride: number;
  /** Rows and columns of zeros around the image: [top, left, bottom, right]. */
  readonly padding: readonly [number, number, number, number];
  /** Distance between two taps of the kernel; 1 = a dense kernel. */
  readonly dilation?: number;
}

/** x [batch, in, height, width] convolved with weight [out, in, kernel height, kernel width], plus bias [out]. */
export function convolve(x: Value, weight: Value, { stride, padding, dilation = 1 }: ConvolutionGeometry, bias?: Value): Value {
  const [top, left, bottom, right] = padding;
  const extent = (axis: number, pad: number): number =>
    Math.floor((x.size(axis) + pad - dilation * (weight.size(axis) - 1) - 1) / stride) + 1;
  const shape = [dimension(x, 0), dimension(weight, 0), extent(2, top + bottom), extent(3, left + right)];
  const attributes = { strides: [stride, stride], pads: [...padding], dilations: [dilation, dilation] };
  return x.graph.node('Conv', bias ? [x, weight, bias] : [x, weight], attributes, x.type, shape);
}

/** x [batch, channels, ...] less `mean`, divided by the root of `variance` + epsilon, times `scale`, plus `bias` (all [channels]). */
export function batchNormalization(
  x: Value,
  { scale, bias, mean, variance }: Readonly<Record<'scale' | 'bias' | 'mean' | 'variance', Value>>,
  epsilon: number,
): Value {
  return x.graph.node('BatchNormalization', [x, scale, bias, mean, variance], { epsilon: float(epsilon) }, x.type, x.shape);
}

/** The transpose of `convolve`, hence its gradient with respect to x: takes y [batch, out, ...] back to `shape`, the shape of x. */
export function convolveTransposed(y: Value, weight: Value, { stride, padding }: ConvolutionGeometry, shape: Shape): Value {
  const [top, left, bottom, right] = padding;
  const missing = (axis: number, pad: number): number => {
    const size = shape[axis];
    if (typeof size !== 'number') throw new Error('the image size of a convolution is fixed');
    return size - ((y.size(axis) - 1) * stride + weight.size(axis) - pad);
  };
  const attributes = {
    strides: [stride, stride],
    pads: [...padding],
    output_padding: [missing(2, top + bottom), missing(3, left + right)],
  };
  return y.graph.node('ConvTranspose', [y, weight], attributes, y.type, shape);
}

/** Sum over `axes`; they stay as dimensions of size 1 unless `keepDimensions` is false. */
export function reduceSum(x: Value, axes: readonly number[], keepDimensions = true): Value {
  return x.graph.node(
    'ReduceSum',
    [x, x.graph.integers(axes)],
    { keepdims: Number(keepDimensions) },
    x.type,
    reduced(x, axes, keepDimensions),
  );
}

/** Mean over `axes`, which disappear. */
export function reduceMean(x: Value, axes: readonly number[]): Value {
  return x.graph.node('ReduceMean', [x], { axes, keepdims: 0 }, x.type, reduced(x, axes, false));
}

/** Index of the largest element of the last dimension, as int64. */
export function argMax(x: Value): Value {
  return x.graph.node('ArgMax', [x], { axis: -1, keepdims: 0 }, 'int64', x.shape.slice(0, -1));
}

/** `index` (int64 [...]) as rows [..., depth] of zeros with a one at the index. */
export function oneHot(index: Value, depth: number): Value {
  const { graph } = index;
  const values = graph.constant(Float32Array.of(0, 1), [2]);
  return graph.node('OneHot', [index, graph.integers([depth]), values], { axis: -1 }, 'float32', [...index.shape, depth]);
}

export function reshape(x: Value, shape: readonly number[]): Value {
  return x.graph.node('Reshape', [x, x.graph.integers(shape)], {}, x.type, shape);
}

/** [batch, ...] to [batch, everything else]. */
export function flatten(x: Value): Value {
  const size = x.shape.slice(1).reduce<number>((product, _, axis) => product * x.size(axis + 1), 1);
  return x.graph.node('Flatten', [x], { axis: 1 }, x.type, [dimension(x, 0), size]);
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  const shape = permutation.map((axis) => dimension(x, axis));
  return x.graph.node('Transpose', [x], { perm: permutation }, x.type, shape);
}

/** Repeats dimensions of size 1 up to `shape`. */
export function expand(x: Value, shape: readonly number[]): Value {
  return x.graph.node('Expand', [x, x.graph.integers(shape)], {}, x.type, shape);
}

/** Cuts a vector into parts of the given sizes. */
export function split(x: Value, sizes: readonly number[]): Value[] {
  const shapes = sizes.map((size) => [size]);
  return x.graph.nodes('Split', [x, x.graph.integers(sizes)], { axis: 0 }, x.type, shapes);
}

/** Puts `parts` one after the other along `axis`. */
export function concatenate(parts: readonly [Value, ...Value[]], axis: number): Value {
  const [first] = parts;
  const total = parts.reduce((sum, part) => sum + part.size(axis), 0);
  const shape = first.shape.map((size, index) => (index === axis ? total : size));
  return first.graph.node('Concat', parts, { axis }, first.type, shape);
}

function elementwise(opType: string, a: Value, b: Value, type: ElementType = a.type): Value {
  return a.graph.node(opType, [a, b], {}, type, broadcast(a, b));
}

/** Shape of an operator on two values: trailing dimensions are equal, or one of them is 1. */
function broadcast(a: Value, b: Value): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, index) => {
    const [left, right] = [a.shape.at(index - rank) ?? 1, b.shape.at(index - rank) ?? 1];
    if (left !== right && left !== 1 && right !== 1) {
      throw new Error(`${a.name} [${a.shape.join(', ')}] and ${b.name} [${b.shape.join(', ')}] do not fit together`);
    }
    return left === 1 ? right : left;
  });
}

function reduced(x: Value, axes: readonly number[], keepDimensions: boolean): Shape {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return keepDimensions ? kept : kept.filter((_, axis) => !axes.includes(axis));
}

function dimension(x: Value, axis: number): Dimension {
  const size = x.shape.at(axis);
  if (size === undefined) throw new Error(`${x.name} [${x.shape.join(', ')}] has no dimension ${axis}`);
  return size;
}

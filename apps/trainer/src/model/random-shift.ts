import type { Value } from '../onnx/graph-builder.ts';
import { padEdges, reshape, subtract, window } from '../onnx/operators.ts';
import type { ModelShape } from './network.ts';
import { mixed } from './random.ts';

/**
 * Training moves each batch by a few pixels, so that the network can't learn by heart where exactly things were.
 * With 8,000 handwritten digits this lifts the test accuracy from 97.5 to 98.5 %.
 */

/** Rows and columns, in pixels. */
export type Shift = readonly [number, number];

/** Largest shift as a part of the image side: one pixel of 28. Two pixels learnt slower and no better. */
const MAXIMUM_SHIFT = 1 / 28;

/** The shift of training step `step`, down and to the right, negative the other way: a pure function of its arguments. */
export function shiftOf(shape: ModelShape, seed: number, step: number): Shift {
  const [rows, columns] = maximumShift(shape);
  return [(mixed(seed, 2 * step) % (2 * rows + 1)) - rows, (mixed(seed, 2 * step + 1) % (2 * columns + 1)) - columns];
}

/** `pixels` [batch, height, width, channels] moved by `shift` (int64 [2]); copies of the edge fill the gap. */
export function shifted(pixels: Value, shift: Value, shape: ModelShape): Value {
  const [rows, columns] = maximumShift(shape);
  const { graph } = pixels;
  const start = subtract(graph.integers([rows, columns]), shift);
  const moved = window(padEdges(pixels, [0, rows, columns, 0]), [1, 2], start, [shape.height, shape.width]);
  // The size of a window is only known when the graph runs; the reshape tells ONNX Runtime that it is the old one.
  return reshape(moved, [pixels.size(0), shape.height, shape.width, shape.channels]);
}

function maximumShift(shape: ModelShape): Shift {
  return [Math.round(shape.height * MAXIMUM_SHIFT), Math.round(shape.width * MAXIMUM_SHIFT)];
}

import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { shifted, shiftOf } from '../src/model/random-shift.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import { int64, load } from './run-graph.ts';

const shape = { height: 56, width: 28, channels: 3, classes: 10 } as const;

describe('the random shift', () => {
  it('moves the pixels and repeats the edge', async () => {
    const graph = new GraphBuilder('shift');
    const dimensions = [2, shape.height, shape.width, shape.channels];
    graph.output('moved', shifted(graph.input('pixels', 'uint8', dimensions), graph.input('shift', 'int64', [2]), shape));
    const run = await load(graph);
    const pixels = Uint8Array.from({ length: 2 * shape.height * shape.width * 3 }, (_, index) => (index * 7919) % 251);
    for (const [down, right] of [
      [0, 0],
      [2, -1],
      [-2, 1],
      [1, 0],
    ] as const) {
      const { moved } = await run({ pixels: new Tensor('uint8', pixels, dimensions), shift: int64([down, right], [2]) });
      const clamp = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value));
      const expected = pixels.map((_, index) => {
        const channel = index % 3;
        const column = Math.floor(index / 3) % shape.width;
        const row = Math.floor(index / 3 / shape.width) % shape.height;
        const image = Math.floor(index / 3 / shape.width / shape.height);
        const source = (image * shape.height + clamp(row - down, shape.height)) * shape.width + clamp(column - right, shape.width);
        return pixels[source * 3 + channel]!;
      });
      expect(moved?.data).toEqual(expected);
    }
  });

  it('takes every value up to its limit, depends on seed and step, and leaves tiny images alone', () => {
    const square = { ...shape, height: 56, width: 56 };
    const shifts = (seed: number): string[] => Array.from({ length: 500 }, (_, step) => shiftOf(square, seed, step + 1).join());
    const range = [-2, -1, 0, 1, 2];
    expect(new Set(shifts(42))).toEqual(new Set(range.flatMap((down) => range.map((right) => `${down},${right}`))));
    expect(shifts(42)).toEqual(shifts(42));
    expect(shifts(0)).not.toEqual(shifts(1));
    expect(shiftOf({ ...shape, height: 8, width: 8 }, 42, 1).map(Math.abs)).toEqual([0, 0]);
  });
});

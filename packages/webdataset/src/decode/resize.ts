/**
 * Fits a picture into a rectangle as training pipelines do: scaled with its aspect kept until it covers the rectangle, the
 * surplus cut off evenly at both sides (torchvision's `Resize` of the shorter side and `CenterCrop`, in one pass over only the
 * pixels that are kept).
 *
 * The filter is a triangle as wide as the scale: bilinear where the picture grows, area-weighted where it shrinks, so that small
 * results have no aliasing (the same as `antialias=True` of torchvision and Pillow's BILINEAR).
 */
import type { Raster } from './raster.ts';

/** For each target position, the source positions that it mixes. */
interface Taps {
  /** First source position per target position. */
  readonly first: Int32Array;
  /** Mixed positions per target position; those unused have weight 0. */
  readonly count: number;
  /** `count` weights per target position, adding up to 1. */
  readonly weights: Float32Array;
}

/** Writes `height` x `width` pixels of the raster's channels to `target`. */
export function resizeToCover(raster: Raster, height: number, width: number, target: Uint8Array): void {
  const { channels, data } = raster;
  const scale = Math.min(raster.width / width, raster.height / height);
  const across = makeTaps(raster.width, width, scale);
  const down = makeTaps(raster.height, height, scale);

  const topRow = down.first[0] ?? 0;
  const endRow = Math.min(raster.height, (down.first[height - 1] ?? 0) + down.count);
  const rows = new Float32Array((endRow - topRow) * width * channels);
  for (let row = topRow, out = 0; row < endRow; row++) {
    const rowStart = row * raster.width * channels;
    for (let x = 0; x < width; x++) {
      const first = across.first[x] ?? 0;
      for (let channel = 0; channel < channels; channel++, out++) {
        let sum = 0;
        for (let tap = 0, at = rowStart + first * channels + channel; tap < across.count; tap++, at += channels) {
          sum += (across.weights[x * across.count + tap] ?? 0) * (data[at] ?? 0);
        }
        rows[out] = sum;
      }
    }
  }

  const stride = width * channels;
  for (let y = 0, out = 0; y < height; y++) {
    const firstRow = ((down.first[y] ?? 0) - topRow) * stride;
    for (let x = 0; x < stride; x++, out++) {
      let sum = 0;
      for (let tap = 0, at = firstRow + x; tap < down.count; tap++, at += stride) {
        sum += (down.weights[y * down.count + tap] ?? 0) * (rows[at] ?? 0);
      }
      target[out] = Math.round(sum);
    }
  }
}

/** @param scale source pixels per target pixel */
function makeTaps(sourceLength: number, targetLength: number, scale: number): Taps {
  const start = (sourceLength - targetLength * scale) / 2;
  const radius = Math.max(1, scale);
  const count = Math.min(sourceLength, Math.ceil(2 * radius) + 1);
  const first = new Int32Array(targetLength);
  const weights = new Float32Array(targetLength * count);
  for (let target = 0; target < targetLength; target++) {
    const centre = start + (target + 0.5) * scale;
    const from = Math.max(0, Math.min(Math.floor(centre - radius + 0.5), sourceLength - count));
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = Math.max(0, 1 - Math.abs(from + tap + 0.5 - centre) / radius);
      weights[target * count + tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < count; tap++) weights[target * count + tap] = (weights[target * count + tap] ?? 0) / total;
    first[target] = from;
  }
  return { first, count, weights };
}

/**
 * Scales a part of a picture. The filter is a triangle as wide as the scale: bilinear where the picture grows, area-weighted where it
 * shrinks, so that small results have no aliasing. It is the filter of Pillow's `BILINEAR` and of torchvision with `antialias=True`,
 * in the same fixed-point arithmetic as Pillow's (`Resample.c`), so results are equal to Pillow's bit by bit.
 */
import type { PixelView } from './raster.ts';

/** A part of a picture in its own pixels; borders may lie inside pixels. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Fraction bits of a weight: 32, less 8 of a level, less 2 to spare for rounding and sign. */
const WEIGHT_BITS = 22;
const HALF = 1 << (WEIGHT_BITS - 1);

/** For each target position, the source positions that it mixes. */
interface Taps {
  /** First source position per target position. */
  readonly first: Int32Array;
  /** Mixed positions per target position. */
  readonly counts: Int32Array;
  /** Places for weights per target position. */
  readonly stride: number;
  /** Weights per target position, adding up to 1 in fixed point. */
  readonly weights: Int32Array;
}

/** Scales pictures, one at a time; it keeps the memory of its intermediate rows. */
export class Resizer {
  #rows = new Uint8Array(0);

  /**
   * Scales the `region` of `source` to the size of `target`. Pixels of the source beyond the region's border take part, as far as the
   * filter reaches.
   */
  resize(source: PixelView, region: Region, target: PixelView): void {
    const across = makeTaps(source.width, region.left, region.width, target.width);
    const down = makeTaps(source.height, region.top, region.height, target.height);
    const topRow = down.first[0] ?? 0;
    const endRow = (down.first[target.height - 1] ?? 0) + (down.counts[target.height - 1] ?? 0);
    const stride = target.width * target.channels;
    const length = (endRow - topRow) * stride;
    if (this.#rows.length < length) this.#rows = new Uint8Array(length);
    const shrink = source.channels === 3 ? shrinkRowsRgb : shrinkRowsGrey;
    shrink(source, topRow, endRow, across, target.width, this.#rows);
    mixRows(this.#rows, stride, topRow, down, target);
  }
}

function makeTaps(sourceLength: number, start: number, length: number, targetLength: number): Taps {
  const scale = length / targetLength;
  const radius = Math.max(1, scale);
  const stride = Math.ceil(radius) * 2 + 1;
  const first = new Int32Array(targetLength);
  const counts = new Int32Array(targetLength);
  const weights = new Int32Array(targetLength * stride);
  const exact = new Float64Array(stride);
  const narrowing = 1 / radius;
  for (let target = 0; target < targetLength; target++) {
    const centre = start + (target + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - radius + 0.5));
    const count = Math.min(sourceLength, Math.trunc(centre + radius + 0.5)) - from;
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = Math.max(0, 1 - Math.abs((tap + from - centre + 0.5) * narrowing));
      exact[tap] = weight;
      total += weight;
    }
    for (let tap = 0; tap < count; tap++) {
      weights[target * stride + tap] = Math.trunc(0.5 + ((exact[tap] ?? 0) / total) * (1 << WEIGHT_BITS));
    }
    first[target] = from;
    counts[target] = count;
  }
  return { first, counts, stride, weights };
}

/** Mixes along each row: `width` pixels of RGB for every source row from `topRow` to `endRow`. */
function shrinkRowsRgb(source: PixelView, topRow: number, endRow: number, taps: Taps, width: number, rows: Uint8Array): void {
  const { data } = source;
  const { first, counts, stride, weights } = taps;
  for (let row = topRow, out = 0; row < endRow; row++) {
    const rowStart = source.offset + row * source.stride;
    for (let x = 0; x < width; x++, out += 3) {
      let at = rowStart + (first[x] ?? 0) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const start = x * stride;
      const end = start + (counts[x] ?? 0);
      for (let tap = start; tap < end; tap++, at += 3) {
        const weight = weights[tap] ?? 0;
        red = (red + Math.imul(weight, data[at] ?? 0)) | 0;
        green = (green + Math.imul(weight, data[at + 1] ?? 0)) | 0;
        blue = (blue + Math.imul(weight, data[at + 2] ?? 0)) | 0;
      }
      rows[out] = levelOf(red);
      rows[out + 1] = levelOf(green);
      rows[out + 2] = levelOf(blue);
    }
  }
}

/** The same for one channel. */
function shrinkRowsGrey(source: PixelView, topRow: number, endRow: number, taps: Taps, width: number, rows: Uint8Array): void {
  const { data } = source;
  const { first, counts, stride, weights } = taps;
  for (let row = topRow, out = 0; row < endRow; row++) {
    const rowStart = source.offset + row * source.stride;
    for (let x = 0; x < width; x++, out++) {
      let at = rowStart + (first[x] ?? 0);
      let sum = HALF;
      const start = x * stride;
      const end = start + (counts[x] ?? 0);
      for (let tap = start; tap < end; tap++, at++) sum = (sum + Math.imul(weights[tap] ?? 0, data[at] ?? 0)) | 0;
      rows[out] = levelOf(sum);
    }
  }
}

/** Mixes the rows that {@link shrinkRowsRgb} made, the first of which is `topRow`, into the rows of the target. */
function mixRows(rows: Uint8Array, rowLength: number, topRow: number, taps: Taps, target: PixelView): void {
  const { data } = target;
  const { first, counts, stride, weights } = taps;
  for (let y = 0; y < target.height; y++) {
    const rowsStart = ((first[y] ?? 0) - topRow) * rowLength;
    const start = y * stride;
    const end = start + (counts[y] ?? 0);
    let out = target.offset + y * target.stride;
    for (let x = 0; x < rowLength; x++, out++) {
      let sum = HALF;
      for (let tap = start, at = rowsStart + x; tap < end; tap++, at += rowLength) {
        sum = (sum + Math.imul(weights[tap] ?? 0, rows[at] ?? 0)) | 0;
      }
      data[out] = levelOf(sum);
    }
  }
}

/** Rounded weights may add up to a little more than 1. */
function levelOf(sum: number): number {
  return Math.min(255, sum >> WEIGHT_BITS);
}

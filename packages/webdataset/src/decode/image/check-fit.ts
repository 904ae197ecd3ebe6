import { MAX_PIXELS } from './raster.ts';
import type { ImageFit } from './image-spec.ts';

/**
 * Refuses settings that no picture could meet, or that contradict each other.
 *
 * @param resizeGiven whether `resize` is the user's and not the default
 * @throws RangeError
 */
export function checkFit(fit: ImageFit, resizeGiven: boolean): void {
  const { height, width, channels, layout, type, resize, pad, crop, mean, std } = fit;
  check(isCount(height) && height > 0, `height must be a whole number of pixels, 1 or more, got ${height}`);
  check(isCount(width) && width > 0, `width must be a whole number of pixels, 1 or more, got ${width}`);
  check([1, 3].includes(channels), `channels must be 1 or 3, got ${channels}`);
  check(['nhwc', 'nchw'].includes(layout), `layout must be 'nhwc' or 'nchw', got ${layout}`);
  check(['uint8', 'float32'].includes(type), `type must be 'uint8' or 'float32', got ${type}`);
  check(height * width <= MAX_PIXELS, `height x width must be at most ${MAX_PIXELS}, got ${height * width}`);
  check(isCount(pad), `pad must be a whole number of pixels, 0 or more, got ${pad}`);
  if (typeof resize === 'number') {
    const least = Math.max(height, width) - 2 * pad;
    check(
      isCount(resize) && resize >= least && resize > 0,
      `resize must be a whole number, ${least} or more to fill height and width, got ${resize}`,
    );
    check(resize <= MAX_PIXELS / Math.max(height, width), `resize is too large: ${resize}`);
  }
  if (typeof crop === 'object') {
    check(!resizeGiven && pad === 0, 'a random resized crop is scaled by itself: leave out resize and pad');
    checkRange('crop.scale', crop.scale, 1);
    checkRange('crop.ratio', crop.ratio, Infinity);
  }
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values === undefined) continue;
    check(type === 'float32', `${name} needs type: 'float32'`);
    check(values.length === channels, `${name} must have a number for each of ${channels} channels, got ${values.length}`);
    check(values.every(Number.isFinite), `${name} must be numbers, got ${values.join(', ')}`);
  }
  check(std?.includes(0) !== true, 'std must not be 0');
}

function checkRange(name: string, range: readonly [number, number] | undefined, most: number): void {
  if (range === undefined) return;
  const [from, to] = range;
  check(
    from > 0 && from <= to && to <= most && to < Infinity,
    `${name} must be two numbers, the lesser first, above 0${most === 1 ? ' and at most 1' : ''}`,
  );
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message);
}

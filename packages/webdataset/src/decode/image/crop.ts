/** Which part of a picture goes where in the result: all geometry and all chance of {@link ImageFit}, without touching a pixel. */
import type { RandomNumbers } from '../decode-context.ts';
import type { ImageFit, RandomResizedCrop } from './image-spec.ts';
import type { Region } from './resize.ts';

/** Whole pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** From a picture to its place in the result. */
export interface Placement {
  /** The pixels of the picture that may take part. */
  readonly from: Rectangle;
  /** What is scaled, in the pixels of `from`. */
  readonly region: Region;
  /** Where it goes in the result; the rest stays black. */
  readonly to: Rectangle;
  /** Whether the result is mirrored at last, left to right. */
  readonly mirrored: boolean;
}

type Size = Pick<Rectangle, 'width' | 'height'>;

/** Places a picture. The random numbers are drawn in a fixed order (part, then mirror) and only where something is left to chance. */
export function place(picture: Size, fit: ImageFit, random: () => RandomNumbers): Placement {
  const numbers = fit.flip || fit.crop !== 'center' ? random() : undefined;
  const placed =
    typeof fit.crop === 'object' && numbers !== undefined
      ? randomResizedCrop(picture, fit, fit.crop, numbers)
      : scaleAndCut(picture, fit, numbers);
  return { ...placed, mirrored: fit.flip && numbers?.below(2) === 1 };
}

type Placed = Omit<Placement, 'mirrored'>;

function scaleAndCut(picture: Size, fit: ImageFit, random: RandomNumbers | undefined): Placed {
  const scale = scaleOf(picture, fit);
  const across = cut(picture.width, scale.across, fit.width, fit, random);
  const down = cut(picture.height, scale.down, fit.height, fit, random);
  return {
    from: { left: 0, top: 0, ...picture },
    region: { left: across.start, width: across.length, top: down.start, height: down.length },
    to: { left: across.to, width: across.count, top: down.to, height: down.count },
  };
}

/** Pixels of the picture for one of the result. */
function scaleOf(picture: Size, { width, height, resize }: ImageFit): { across: number; down: number } {
  if (resize === 'stretch') return { across: picture.width / width, down: picture.height / height };
  const scale =
    resize === 'cover' ? Math.min(picture.width / width, picture.height / height) : Math.min(picture.width, picture.height) / resize;
  return { across: scale, down: scale };
}

/** What one dimension keeps: `length` pixels of the picture from `start`, which become `count` of the result from `to`. */
interface Cut {
  readonly start: number;
  readonly length: number;
  readonly to: number;
  readonly count: number;
}

/** Against rounding errors in what is a whole number of pixels. */
const EPSILON = 1e-6;

function cut(pictureLength: number, scale: number, wanted: number, { crop, pad }: ImageFit, random: RandomNumbers | undefined): Cut {
  const scaled = pictureLength / scale;
  const whole = Math.floor(scaled + EPSILON);
  let position = (scaled - wanted) / 2;
  if (crop !== 'center' && random !== undefined) position = random.below(Math.max(0, whole + 2 * pad - wanted) + 1) - pad;
  // A picture that needs no scaling is not blurred by a shift of half a pixel, and black borders end between pixels.
  else if (scale === 1 || whole < wanted) position = Math.floor(position);
  if (position > -EPSILON && position + wanted < scaled + EPSILON) {
    return { start: Math.max(0, position) * scale, length: wanted * scale, to: 0, count: wanted };
  }
  const first = Math.max(0, position);
  const count = Math.min(whole, position + wanted) - first;
  // With more padding than is wanted, a cut can lie wholly beside the picture.
  if (count <= 0) return { start: 0, length: 0, to: 0, count: 0 };
  return { start: first * scale, length: count * scale, to: first - position, count };
}

/** torchvision's `RandomResizedCrop.get_params`: a few tries at a part that lies inside, then the largest middle part of a legal aspect. */
function randomResizedCrop(picture: Size, { width, height }: ImageFit, options: RandomResizedCrop, random: RandomNumbers): Placed {
  const { scale, ratio } = { scale: DEFAULT_SCALE, ratio: DEFAULT_RATIO, ...options };
  const from = drawPart(picture, scale, ratio, random) ?? middlePart(picture, ratio);
  return {
    from,
    region: { left: 0, top: 0, width: from.width, height: from.height },
    to: { left: 0, top: 0, width, height },
  };
}

const DEFAULT_SCALE = [0.08, 1] as const;
const DEFAULT_RATIO = [3 / 4, 4 / 3] as const;

/** As torchvision does: after ten parts that do not fit, the picture's aspect is hopeless. */
const DRAWS = 10;

type Range = readonly [number, number];

function drawPart(picture: Size, scale: Range, ratio: Range, random: RandomNumbers): Rectangle | undefined {
  for (let draw = 0; draw < DRAWS; draw++) {
    const area = picture.width * picture.height * between(scale[0], scale[1], random);
    const aspect = Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1]), random));
    const width = Math.round(Math.sqrt(area * aspect));
    const height = Math.round(Math.sqrt(area / aspect));
    if (width < 1 || height < 1 || width > picture.width || height > picture.height) continue;
    const top = random.below(picture.height - height + 1);
    return { left: random.below(picture.width - width + 1), top, width, height };
  }
  return undefined;
}

function middlePart(picture: Size, ratio: Range): Rectangle {
  const aspect = picture.width / picture.height;
  const width = aspect > ratio[1] ? Math.max(1, Math.round(picture.height * ratio[1])) : picture.width;
  const height = aspect < ratio[0] ? Math.max(1, Math.round(picture.width / ratio[0])) : picture.height;
  return { left: (picture.width - width) >> 1, top: (picture.height - height) >> 1, width, height };
}

/** Any number of a range, each equally likely. */
function between(least: number, most: number, random: RandomNumbers): number {
  return least + ((most - least) * random.uint32()) / 0x1_0000_0000;
}

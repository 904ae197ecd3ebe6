/**
 * PNG (ISO/IEC 15948): every colour type, bit depth and interlacing, to 8 bits grey or RGB; transparency is dropped, 16 bits keep
 * their upper half. In plain JavaScript around Node's own zlib, which for the small images of data sets is several times as fast as
 * the start-up of a general decoder, and never inflates more than the header has announced.
 */
import { constants, crc32, inflateSync } from 'node:zlib';
import { reasonOf } from '../../errors.ts';
import { DecodeFault } from '../decode-fault.ts';
import { unfilter } from './png-filter.ts';
import { MAX_PIXELS, type Raster } from './raster.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const INDEXED = 3;

/** Samples a pixel, by colour type: grey, RGB, palette index, grey and alpha, RGB and alpha. */
const SAMPLES = new Map([
  [0, 1],
  [2, 3],
  [INDEXED, 1],
  [4, 2],
  [6, 4],
]);
const DEPTHS = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [INDEXED, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

/** The passes of Adam7: first pixel and step, across and down. A picture that is not interlaced has one pass of all pixels. */
const INTERLACED = [
  { left: 0, top: 0, across: 8, down: 8 },
  { left: 4, top: 0, across: 8, down: 8 },
  { left: 0, top: 4, across: 4, down: 8 },
  { left: 2, top: 0, across: 4, down: 4 },
  { left: 0, top: 2, across: 2, down: 4 },
  { left: 1, top: 0, across: 2, down: 2 },
  { left: 0, top: 1, across: 1, down: 2 },
];
const WHOLE = [{ left: 0, top: 0, across: 1, down: 1 }];

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly samples: number;
  readonly interlaced: boolean;
}

/** One pass: a picture of its own, whose pixels are spread over the whole. */
interface Pass {
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly down: number;
  readonly width: number;
  readonly height: number;
  /** Without the byte that names the filter. */
  readonly rowBytes: number;
}

/** True for bytes that start as every PNG does. */
export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE);
}

/**
 * Decodes a PNG.
 *
 * @throws {@link DecodeFault}
 */
export function decodePng(bytes: Buffer): Raster {
  const { header, palette, compressed } = readChunks(bytes);
  const passes = passesOf(header);
  const length = passes.reduce((sum, { rowBytes, height }) => sum + (1 + rowBytes) * height, 0);
  const data = inflate(compressed, length);
  const channels = header.colour === 0 || header.colour === 4 ? 1 : 3;
  const raster = {
    width: header.width,
    height: header.height,
    channels,
    data: new Uint8Array(header.width * header.height * channels),
  } as const;
  let at = 0;
  for (const pass of passes) {
    const passData = data.subarray(at, (at += (1 + pass.rowBytes) * pass.height));
    unfilter(passData, pass.rowBytes, Math.max(1, (header.samples * header.depth) >> 3));
    if (header.colour === INDEXED) writeIndexed(passData, pass, header, palette, raster);
    else writePass(passData, pass, header, raster);
  }
  return raster;
}

function readChunks(bytes: Buffer): { header: Header; palette: Buffer; compressed: Buffer[] } {
  if (!isPng(bytes)) throw new DecodeFault('it is no PNG');
  let header: Header | undefined;
  let palette: Buffer = Buffer.alloc(0);
  const compressed: Buffer[] = [];
  for (let at = SIGNATURE.length; ;) {
    if (at + 8 > bytes.length) throw new DecodeFault('the PNG ends before its end chunk');
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw new DecodeFault(`the PNG ends inside its chunk ${JSON.stringify(type)}`);
    // An upper-case first letter marks what a decoder must understand; all else is no part of the picture.
    if (/^[A-Z]/.test(type)) {
      if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) throw new DecodeFault(`the chunk ${type} of the PNG is corrupt`);
      const data = bytes.subarray(at + 8, end);
      if ((header === undefined) !== (type === 'IHDR')) throw new DecodeFault('the PNG does not start with one header');
      if (type === 'IEND') break;
      else if (type === 'IHDR') header = readHeader(data);
      else if (type === 'PLTE') palette = data;
      else if (type === 'IDAT') compressed.push(data);
      else throw new DecodeFault(`the PNG has a chunk ${type}, which is none of the standard`);
    }
    at = end + 4;
  }
  if (header === undefined) throw new DecodeFault('the PNG has no header');
  return { header, palette, compressed };
}

function readHeader(data: Buffer): Header {
  if (data.length !== 13) throw new DecodeFault(`the header of the PNG has ${data.length} bytes instead of 13`);
  const width = data.readUInt32BE(0);
  const height = data.readUInt32BE(4);
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = data.subarray(8);
  const samples = SAMPLES.get(colour);
  if (samples === undefined || DEPTHS.get(colour)?.includes(depth) !== true || compression !== 0 || filter !== 0 || interlace > 1) {
    throw new DecodeFault('the header of the PNG has values that the standard does not know');
  }
  if (width === 0 || height === 0) throw new DecodeFault('the PNG has no pixels');
  if (width * height > MAX_PIXELS)
    throw new DecodeFault(`the PNG claims ${width} x ${height} pixels, more than the limit of ${MAX_PIXELS}`);
  return { width, height, depth, colour, samples, interlaced: interlace === 1 };
}

function passesOf({ width, height, depth, samples, interlaced }: Header): Pass[] {
  return (interlaced ? INTERLACED : WHOLE)
    .map((pass) => {
      const passWidth = Math.ceil((width - pass.left) / pass.across);
      const passHeight = Math.ceil((height - pass.top) / pass.down);
      return { ...pass, width: passWidth, height: passHeight, rowBytes: Math.ceil((passWidth * samples * depth) / 8) };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/** Inflates to exactly `length` bytes. */
function inflate(compressed: readonly Buffer[], length: number): Buffer {
  const input = compressed.length === 1 ? (compressed[0] ?? Buffer.alloc(0)) : Buffer.concat(compressed);
  let data;
  try {
    data = inflateSync(input, { maxOutputLength: length, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new DecodeFault(`the pixels of the PNG cannot be inflated: ${reasonOf(error)}`, { cause: error });
  }
  if (data.length < length) throw new DecodeFault(`the PNG has ${data.length} bytes of pixels instead of ${length}`);
  return data;
}

function writePass(data: Buffer, pass: Pass, { depth, samples }: Header, target: Raster): void {
  const sampleBytes = depth === 16 ? 2 : 1;
  const scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  const mask = (1 << Math.min(8, depth)) - 1;
  for (let y = 0; y < pass.height; y++) {
    const row = y * (1 + pass.rowBytes) + 1;
    let to = ((pass.top + y * pass.down) * target.width + pass.left) * target.channels;
    const step = pass.across * target.channels;
    if (depth >= 8) {
      let from = row;
      for (let x = 0; x < pass.width; x++, from += samples * sampleBytes, to += step) {
        for (let channel = 0; channel < target.channels; channel++) target.data[to + channel] = data[from + channel * sampleBytes] ?? 0;
      }
    } else {
      for (let x = 0; x < pass.width; x++, to += step) target.data[to] = sampleAt(data, row, x, depth, mask) * scale;
    }
  }
}

function writeIndexed(data: Buffer, pass: Pass, { depth }: Header, palette: Buffer, target: Raster): void {
  const mask = (1 << depth) - 1;
  for (let y = 0; y < pass.height; y++) {
    const row = y * (1 + pass.rowBytes) + 1;
    let to = ((pass.top + y * pass.down) * target.width + pass.left) * 3;
    for (let x = 0; x < pass.width; x++, to += pass.across * 3) {
      const colour = sampleAt(data, row, x, depth, mask) * 3;
      if (colour + 3 > palette.length) throw new DecodeFault(`the PNG uses colour ${colour / 3} of a palette of ${palette.length / 3}`);
      target.data[to] = palette[colour] ?? 0;
      target.data[to + 1] = palette[colour + 1] ?? 0;
      target.data[to + 2] = palette[colour + 2] ?? 0;
    }
  }
}

/** Sample `x` of a row of samples of 1, 2, 4 or 8 bits, the leftmost in the highest bits. */
function sampleAt(data: Buffer, row: number, x: number, depth: number, mask: number): number {
  const bit = x * depth;
  return ((data[row + (bit >> 3)] ?? 0) >> (8 - depth - (bit & 7))) & mask;
}

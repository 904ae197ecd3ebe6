import { bytes, image, integer, json, msgpack, npy, text } from './decoders.ts';
import type { Decoder, DecoderTable, Fields } from './decoder.ts';

/** The decoder of each extension, as Python webdataset has them; every other extension gives its bytes. */
export const DEFAULT_DECODERS = {
  txt: text(),
  text: text(),
  transcript: text(),
  cls: integer(),
  cls2: integer(),
  index: integer(),
  inx: integer(),
  id: integer(),
  json: json(),
  jsn: json(),
  jpg: image(),
  jpeg: image(),
  png: image(),
  webp: image(),
  gif: image(),
  tif: image(),
  tiff: image(),
  npy: npy(),
  mp: msgpack(),
  msg: msgpack(),
  msgpack: msgpack(),
} as const satisfies DecoderTable;

const BY_EXTENSION = new Map<string, Decoder<unknown, unknown>>(Object.entries(DEFAULT_DECODERS));

/** The decoder for an extension; what stands after its last dot decides (`seg.png` is an image). */
export function defaultDecoder(extension: string): Decoder<unknown, unknown> {
  return BY_EXTENSION.get(extension.slice(extension.lastIndexOf('.') + 1).toLowerCase()) ?? bytes();
}

/** The table that {@link Fields} stand for: a list of extensions gets the decoders of {@link DEFAULT_DECODERS}. */
export function decoderTable(fields: Fields): DecoderTable {
  return isList(fields) ? Object.fromEntries(fields.map((name) => [name, defaultDecoder(name)])) : fields;
}

/** The extensions that a decoder reads, the preferred first. */
export function sourcesOf(name: string, { from }: Decoder<unknown, unknown>): readonly string[] {
  return from ?? [name];
}

function isList(fields: Fields): fields is readonly string[] {
  return Array.isArray(fields);
}

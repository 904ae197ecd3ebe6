/**
 * The header of a `.npy` file (formats 1.0, 2.0 and 3.0, NumPy's NEP 1): magic bytes, version, length, and a Python dictionary in
 * text, of which only the literals that NumPy writes are read.
 */
import { DecodeFault } from './decode-fault.ts';

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

const TYPES = ['b1', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8'] as const;

/** What a header says. */
export interface NpyHeader {
  /** Kind and bytes of an element, as NumPy writes them. */
  readonly type: (typeof TYPES)[number];
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Of the first element. */
  readonly dataOffset: number;
}

/** The whole dictionary: three entries in any order, each `'name': literal`. */
const DICTIONARY = /^\{\s*((?:'\w+'\s*:\s*(?:'[^']*'|True|False|\([\d\sL,]*\)|\[[^\]]*\])\s*,?\s*)*)\}\s*$/;
const ENTRY = /'(\w+)'\s*:\s*('[^']*'|True|False|\([\d\sL,]*\)|\[[^\]]*\])/g;

/** @throws {@link DecodeFault} */
export function readNpyHeader(bytes: Buffer): NpyHeader {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new DecodeFault('it is no .npy file');
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw new DecodeFault(`it is a .npy file of version ${version}; versions 1 to 3 are read`);
  const textStart = version === 1 ? 10 : 12;
  if (bytes.length < textStart) throw new DecodeFault('the .npy file ends inside its header');
  const dataOffset = textStart + (version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (bytes.length < dataOffset) throw new DecodeFault('the .npy file ends inside its header');
  const entries = readDictionary(bytes.toString(version === 3 ? 'utf8' : 'latin1', textStart, dataOffset));
  const fortran = entries.get('fortran_order');
  if (fortran !== 'True' && fortran !== 'False') throw new DecodeFault('the .npy header does not say fortran_order: True or False');
  return {
    ...readType(entries.get('descr') ?? ''),
    fortranOrder: fortran === 'True',
    shape: readShape(entries.get('shape') ?? ''),
    dataOffset,
  };
}

function readDictionary(text: string): Map<string, string> {
  const entries = DICTIONARY.exec(text)?.[1];
  if (entries === undefined)
    throw new DecodeFault(`the .npy header is not the dictionary that NumPy writes: ${JSON.stringify(text.slice(0, 80))}`);
  return new Map(Array.from(entries.matchAll(ENTRY), ([, name = '', value = '']) => [name, value]));
}

function readType(descr: string): Pick<NpyHeader, 'type' | 'bigEndian'> {
  const [, order = '', name = ''] = /^'([<>|=]?)(.*)'$/.exec(descr) ?? [];
  if (name.startsWith('O')) {
    throw new DecodeFault(
      'the .npy file holds Python objects (dtype object), which only pickle reads: it can run any code, so it is never read',
    );
  }
  const type = TYPES.find((known) => known === name);
  if (type === undefined) throw new DecodeFault(`the .npy file holds elements of dtype ${descr}; numbers and bool are read`);
  return { type, bigEndian: order === '>' };
}

function readShape(shape: string): number[] {
  const dimensions = /^\((.*)\)$/s.exec(shape)?.[1];
  if (dimensions === undefined) throw new DecodeFault('the .npy header has no shape');
  return dimensions
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part, index, parts) => part !== '' || index < parts.length - 1)
    .map((part) => {
      const length = Number(part);
      if (part === '' || !Number.isSafeInteger(length)) throw new DecodeFault(`the .npy header has a shape that is none: ${shape}`);
      return length;
    });
}

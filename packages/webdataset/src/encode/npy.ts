/**
 * NumPy's `.npy` format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { endianness } from 'node:os';

/** Numbers that an `.npy` file can hold. */
export type NumberArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** An array to write as `.npy`. */
export interface ArrayToWrite {
  /** Length of each dimension; `[]` is a single number. */
  readonly shape: readonly number[];
  /** As many numbers as the shape has places. */
  readonly data: NumberArray;
  /** True when the first index varies fastest; default false, the last one does. */
  readonly fortranOrder?: boolean;
  /** `bool` makes truth values of a `Uint8Array`; otherwise the class of `data` says the type. */
  readonly dtype?: string;
}

/** Kind and width by class, as NumPy names them. */
const TYPES: readonly [new (...arguments_: never[]) => NumberArray, string][] = [
  [Int8Array, 'i1'],
  [Uint8Array, 'u1'],
  [Uint8ClampedArray, 'u1'],
  [Int16Array, 'i2'],
  [Uint16Array, 'u2'],
  [Int32Array, 'i4'],
  [Uint32Array, 'u4'],
  [BigInt64Array, 'i8'],
  [BigUint64Array, 'u8'],
  [Float32Array, 'f4'],
  [Float64Array, 'f8'],
];

/** NumPy aligns the data to this many bytes. */
const ALIGNMENT = 64;

/** True for what {@link encodeNpy} takes. */
export function isArrayToWrite(value: unknown): value is ArrayToWrite {
  return (
    typeof value === 'object' &&
    value !== null &&
    'shape' in value &&
    Array.isArray(value.shape) &&
    value.shape.every((length: unknown) => Number.isSafeInteger(length) && Number(length) >= 0) &&
    'data' in value &&
    typeOf(value.data) !== undefined
  );
}

/** Encodes an array; throws RangeError when its shape and its data differ. */
export function encodeNpy({ shape, data, fortranOrder = false, dtype }: ArrayToWrite): Buffer {
  const places = shape.reduce((product, length) => product * length, 1);
  if (places !== data.length) throw new RangeError(`an array of shape [${shape.join(', ')}] has ${places} numbers, not ${data.length}`);
  const type = dtype === 'bool' ? 'b1' : (typeOf(data) ?? '');
  const order = type.endsWith('1') ? '|' : endianness() === 'LE' ? '<' : '>';
  const tuple = shape.length === 1 ? `${shape[0] ?? 0},` : shape.join(', ');
  const dictionary = `{'descr': '${order}${type}', 'fortran_order': ${fortranOrder ? 'True' : 'False'}, 'shape': (${tuple}), }`;
  const headerLength = Math.ceil((10 + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(headerLength + data.byteLength, ' ', 'latin1');
  bytes.write('\x93NUMPY\x01\x00', 0, 'latin1');
  bytes.writeUInt16LE(headerLength - 10, 8);
  bytes.write(dictionary, 10, 'latin1');
  bytes.write('\n', headerLength - 1, 'latin1');
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerLength);
  return bytes;
}

function typeOf(data: unknown): string | undefined {
  return TYPES.find(([type]) => data instanceof type)?.[1];
}

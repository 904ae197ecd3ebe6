/** Arrays as NumPy's `.npy` files hold them. */
import { endianness } from 'node:os';
import { DecodeFault } from './decode-fault.ts';
import { type NpyHeader, readNpyHeader } from './npy-header.ts';

/** Element types by NumPy's name, and the memory that holds them. */
export interface NpyTypes {
  /** 0 or 1. */
  bool: Uint8Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** Widened: not every Node has `Float16Array`. */
  float16: Float32Array;
  float32: Float32Array;
  float64: Float64Array;
}

/** An array; `dtype` tells the type of `data`. */
export type NpyArray = {
  [Type in keyof NpyTypes]: {
    readonly dtype: Type;
    /** Length of each dimension; none for a scalar. */
    readonly shape: readonly number[];
    /** The elements, in the machine's byte order. */
    readonly data: NpyTypes[Type];
    /** True when the first index varies fastest, as in Fortran; false when the last one does, as in C. */
    readonly fortranOrder: boolean;
  };
}[keyof NpyTypes];

/**
 * Reads an array as `numpy.save` writes it. What follows it is ignored, as NumPy does.
 *
 * @throws {@link DecodeFault} for bytes that are no such array, and for elements that are not numbers
 */
export function decodeNpy(bytes: Buffer): NpyArray {
  const header = readNpyHeader(bytes);
  const { shape, fortranOrder } = header;
  const memory = copyElements(bytes, header);
  switch (header.type) {
    case 'b1':
      return { dtype: 'bool', shape, fortranOrder, data: new Uint8Array(memory) };
    case 'i1':
      return { dtype: 'int8', shape, fortranOrder, data: new Int8Array(memory) };
    case 'u1':
      return { dtype: 'uint8', shape, fortranOrder, data: new Uint8Array(memory) };
    case 'i2':
      return { dtype: 'int16', shape, fortranOrder, data: new Int16Array(memory) };
    case 'u2':
      return { dtype: 'uint16', shape, fortranOrder, data: new Uint16Array(memory) };
    case 'i4':
      return { dtype: 'int32', shape, fortranOrder, data: new Int32Array(memory) };
    case 'u4':
      return { dtype: 'uint32', shape, fortranOrder, data: new Uint32Array(memory) };
    case 'i8':
      return { dtype: 'int64', shape, fortranOrder, data: new BigInt64Array(memory) };
    case 'u8':
      return { dtype: 'uint64', shape, fortranOrder, data: new BigUint64Array(memory) };
    case 'f2':
      return { dtype: 'float16', shape, fortranOrder, data: Float32Array.from(new Uint16Array(memory), widenHalf) };
    case 'f4':
      return { dtype: 'float32', shape, fortranOrder, data: new Float32Array(memory) };
    case 'f8':
      return { dtype: 'float64', shape, fortranOrder, data: new Float64Array(memory) };
  }
}

/** The elements in the machine's byte order, in memory of their own. */
function copyElements(bytes: Buffer, { shape, type, bigEndian, dataOffset }: NpyHeader): ArrayBuffer {
  const size = Number(type.slice(1));
  const elements = shape.reduce((product, length) => product * length, 1);
  const length = elements * size;
  if (length > bytes.length - dataOffset) {
    throw new DecodeFault(
      `the array has ${bytes.length - dataOffset} bytes, and its header (${shape.join(' x ')} of ${type}) asks for ${length}`,
    );
  }
  const memory = new ArrayBuffer(length);
  const data = Buffer.from(memory);
  bytes.copy(data, 0, dataOffset, dataOffset + length);
  if (size > 1 && bigEndian !== (endianness() === 'BE')) {
    if (size === 2) data.swap16();
    else if (size === 4) data.swap32();
    else data.swap64();
  }
  return memory;
}

/** IEEE 754 binary16, from its bits. */
function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

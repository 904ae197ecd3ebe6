import { decode } from '@msgpack/msgpack';
import { reasonOf } from '../errors.ts';
import { DecodeFault } from './decode-fault.ts';
import { checkMsgpackClaims } from './msgpack-claims.ts';

/**
 * Reads one MessagePack value. Integers that a number cannot hold exactly become `bigint`, binary data `Uint8Array`, timestamps `Date`.
 *
 * @throws {@link DecodeFault}
 */
export function decodeMsgpack(bytes: Buffer): unknown {
  try {
    checkMsgpackClaims(bytes);
    // Binary data become views of what is decoded, so that is a copy of its own.
    return numbersWhereExact(decode(Uint8Array.from(bytes), { useBigInt64: true }));
  } catch (error) {
    throw new DecodeFault(`it is no MessagePack: ${reasonOf(error)}`, { cause: error });
  }
}

/** 64-bit integers come as `bigint` of whatever size; only those that need it stay so. */
function numbersWhereExact(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(numbersWhereExact);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, numbersWhereExact(item)]));
  }
  return value;
}

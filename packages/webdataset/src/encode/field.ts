import { LABEL_FIELDS } from '../fields.ts';
import { type ArrayToWrite, encodeNpy, isArrayToWrite } from './npy.ts';

/**
 * What a field may be, by the last part of its extension:
 *
 * - any: bytes as they are, a string as UTF-8, a number or bigint as its digits
 * - `json`, `jsn`: any other value as JSON
 * - `mp`, `msgpack`: any value but bytes and strings as MessagePack
 * - `npy`: a typed array with its shape
 *
 * Images are given as bytes: nothing is compressed here.
 */
export type FieldValue = Uint8Array | string | number | bigint | boolean | null | ArrayToWrite | object;

/** Why a value cannot be written; the writer adds the key. */
export class EncodeFault extends Error {
  override readonly name = 'EncodeFault';
}

/**
 * The bytes of a field.
 *
 * @param field extension in lower case, such as `cls` or `meta.json`
 * @throws {@link EncodeFault} when the value has no form in this field
 */
export async function encodeField(field: string, value: FieldValue | undefined): Promise<Uint8Array> {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  const extension = field.slice(field.lastIndexOf('.') + 1);
  switch (extension) {
    case 'json':
    case 'jsn':
      return Buffer.from(guarded(field, () => toJson(value)));
    case 'mp':
    case 'msgpack': {
      const { encode } = await import('@msgpack/msgpack');
      return guarded(field, () => encode(value, { useBigInt64: typeof value === 'bigint' }));
    }
    case 'npy':
      if (isArrayToWrite(value)) return guarded(field, () => encodeNpy(value));
      throw new EncodeFault(`field "${field}" takes { shape, data } with a typed array, or the bytes of an .npy file`);
    default:
      return Buffer.from(digits(field, extension, value));
  }
}

function toJson(value: FieldValue | undefined): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no form in JSON`);
  // Its type leaves out what becomes of a function or undefined.
  const text: unknown = JSON.stringify(value);
  if (typeof text !== 'string') throw new TypeError('the value has no form in JSON');
  return text;
}

function digits(field: string, extension: string, value: FieldValue | undefined): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') {
    const kind = value === null ? 'null' : value === undefined ? 'nothing' : `a value of type ${typeof value}`;
    throw new EncodeFault(`field "${field}" cannot hold ${kind}; give bytes or a string, or use a field json, msgpack or npy`);
  }
  const mustBeInteger = (LABEL_FIELDS as readonly string[]).includes(extension);
  if (mustBeInteger ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
    throw new EncodeFault(`field "${field}" cannot hold ${value}${mustBeInteger ? '; it takes whole numbers' : ''}`);
  }
  return String(value);
}

function guarded<T>(field: string, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    throw new EncodeFault(`field "${field}": ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

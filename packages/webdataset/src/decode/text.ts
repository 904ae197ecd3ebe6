import { isUtf8 } from 'node:buffer';
import { reasonOf } from '../errors.ts';
import { DecodeFault } from './decode-fault.ts';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Reads UTF-8; a byte order mark at the start is no part of the text.
 *
 * @throws {@link DecodeFault} where Node would put replacement characters
 */
export function decodeText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new DecodeFault(`it is not UTF-8 (first bytes: ${bytes.toString('hex', 0, 16)})`);
  const text = bytes.toString('utf8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/**
 * Reads JSON.
 *
 * @throws {@link DecodeFault}
 */
export function decodeJson(bytes: Buffer): unknown {
  const text = decodeText(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DecodeFault(`it is no JSON: ${reasonOf(error)}`, { cause: error });
  }
}

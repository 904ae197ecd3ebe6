/**
 * PAX extended headers (POSIX.1-2001): records `"<length> <keyword>=<value>\n"`, the length counting the whole record.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "pax Extended Header"
 */
import { decodeName, HeaderFault } from './header.ts';

/** The records of one extended header. An empty value takes the keyword back. */
export type PaxRecords = ReadonlyMap<string, string>;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;

/** Reads the records in `bytes`; throws {@link HeaderFault} when they are malformed. */
export function decodePax(bytes: Buffer): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    // Some writers fill the last block with NULs and count them as data.
    if (bytes[at] === 0) break;
    let length = 0;
    let index = at;
    for (; index < bytes.length && bytes[index] !== SPACE; index++) {
      const digit = (bytes[index] ?? 0) - 0x30;
      if (digit < 0 || digit > 9 || index - at > 9) throw new HeaderFault('a PAX record does not start with its length');
      length = length * 10 + digit;
    }
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, index);
    if (length === 0 || end > bytes.length || bytes[end - 1] !== NEWLINE || equals < 0 || equals >= end) {
      throw new HeaderFault('a PAX record is malformed');
    }
    records.set(decodeName(bytes, index + 1, equals), decodeName(bytes, equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The non-negative integer of a PAX record such as `size`. */
export function paxInteger(value: string, keyword: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new HeaderFault(`the PAX ${keyword} is not a number`);
  return number;
}

/** The seconds of a PAX time such as `mtime`, which may have a fraction (Python writes exponents, too); undefined if it is none. */
export function paxTime(value: string | undefined): number | undefined {
  return value !== undefined && /^-?\d+(\.\d*)?(e[-+]?\d+)?$/i.test(value) ? Number(value) : undefined;
}

/** Encodes records in the order given. */
export function encodePax(records: Iterable<readonly [keyword: string, value: string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [keyword, value] of records) {
    const body = Buffer.from(` ${keyword}=${value}\n`);
    // The length counts its own digits: one more digit may make it one longer again.
    let length = body.length + String(body.length).length;
    if (String(length).length + body.length > length) length++;
    parts.push(Buffer.from(String(length)), body);
  }
  return Buffer.concat(parts);
}

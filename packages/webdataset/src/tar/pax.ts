/**
 * PAX extended headers (POSIX.1-2001): records `"<length> <keyword>=<value>\n"`, the length counting the whole record.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "pax Extended Header"
 */
import { decodeName, HeaderFault } from './header.ts';

/** The records of an extended header that this package uses. An empty value takes the keyword back. */
export interface PaxRecords {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: string;
  readonly mtime?: string;
  /** The member is sparse, in one of the three generations of GNU tar's format (0.0, 0.1, 1.0). */
  readonly isSparse?: true;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;

const KEYWORDS = (['path', 'linkpath', 'size', 'mtime'] as const).map((name) => ({ name, bytes: Buffer.from(name) }));
const SPARSE_KEYWORDS = ['GNU.sparse.size', 'GNU.sparse.map', 'GNU.sparse.major'].map((name) => Buffer.from(name));

/** Reads the records in `bytes` from `start` to `end`; throws {@link HeaderFault} when they are malformed. */
export function decodePax(bytes: Buffer, start: number, end: number): PaxRecords {
  const records: { -readonly [Name in keyof PaxRecords]: PaxRecords[Name] } = {};
  let at = start;
  while (at < end) {
    // Some writers fill the last block with NULs and count them as data.
    if (bytes[at] === 0) break;
    let length = 0;
    let index = at;
    for (; index < end && bytes[index] !== SPACE; index++) {
      const digit = (bytes[index] ?? 0) - 0x30;
      if (digit < 0 || digit > 9 || index - at > 9) throw new HeaderFault('a PAX record does not start with its length');
      length = length * 10 + digit;
    }
    const next = at + length;
    const keyword = index + 1;
    let equals = keyword;
    while (equals < end && bytes[equals] !== EQUALS) equals++;
    // Python's tarfile ends here without a word where the keyword is empty.
    const isSound = length > 0 && next <= end && bytes[next - 1] === NEWLINE && keyword < equals && equals < next;
    if (!isSound) throw new HeaderFault('a PAX record is malformed');
    const known = KEYWORDS.find((candidate) => isEqual(bytes, keyword, equals, candidate.bytes));
    if (known !== undefined) records[known.name] = decodeName(bytes, equals + 1, next - 1);
    else if (SPARSE_KEYWORDS.some((candidate) => isEqual(bytes, keyword, equals, candidate))) records.isSparse = true;
    at = next;
  }
  return records;
}

function isEqual(bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (end - start !== expected.length) return false;
  for (let index = 0; index < expected.length; index++) if (bytes[start + index] !== expected[index]) return false;
  return true;
}

/** The non-negative integer of a PAX record such as `size`. */
export function paxInteger(value: string, keyword: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) throw new HeaderFault(`the PAX ${keyword} is not a number`);
  return number;
}

/** The seconds of a PAX time such as `mtime`, which may have a fraction (Python writes exponents, too); undefined if it is none. */
export function paxTime(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  // By hand: half of all members have such a time, and the expression took longer than the rest of their records.
  for (let index = 0; index < value.length; index++) if (!TIME_CHARACTERS.has(value.charCodeAt(index))) return undefined;
  const seconds = Number(value);
  return Number.isNaN(seconds) ? undefined : seconds;
}

const TIME_CHARACTERS: ReadonlySet<number> = new Set(Buffer.from('0123456789.+-eE'));

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

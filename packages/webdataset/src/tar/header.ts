/**
 * One tar header block of 512 bytes: POSIX.1-1988 ustar, its predecessor v7, and GNU tar's base-256 numbers.
 * Layout: https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */

/** Tar counts in blocks of this many bytes. */
export const BLOCK_SIZE = 512;

/** The fields of a header that this package uses, as they stand in the block. */
export interface TarHeader {
  /** Member name, the ustar prefix joined. */
  readonly name: string;
  /** Type flag as a character code; v7 files have 0. */
  readonly typeFlag: number;
  /** Length of the data, in bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Time of the last change in seconds since the epoch. */
  readonly mtime: number;
  /** Target of a link; else `''`. */
  readonly linkName: string;
}

/** Why a block is no header; the scanner adds shard and offset. */
export class HeaderFault extends Error {
  override readonly name = 'HeaderFault';
}

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;
const SPACE = 0x20;

/** True when the block is all zeros, which ends an archive. */
export function isZeroBlock(bytes: Buffer, at: number): boolean {
  for (let index = at; index < at + BLOCK_SIZE; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** Reads the header block at `at`; throws {@link HeaderFault} when its checksum or a number is wrong. */
export function decodeHeader(bytes: Buffer, at: number): TarHeader {
  verifyChecksum(bytes, at);
  // Only POSIX ustar has a prefix; GNU's old format ("ustar  ") keeps times and sparse maps in its place.
  const isUstar = bytes.toString('latin1', at + 257, at + 263) === 'ustar\0';
  const prefix = isUstar ? text(bytes, at + 345, 155) : '';
  const name = text(bytes, at, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    typeFlag: bytes[at + 156] ?? 0,
    size: number(bytes, at + 124, 12, 'size'),
    mode: number(bytes, at + 100, 8, 'mode'),
    mtime: number(bytes, at + 136, 12, 'mtime'),
    linkName: text(bytes, at + 157, 100),
  };
}

/** Old tars summed signed bytes; both sums are accepted, as every tar does. */
function verifyChecksum(bytes: Buffer, at: number): void {
  let unsigned = 0;
  let highBytes = 0;
  for (let index = at; index < at + BLOCK_SIZE; index++) {
    const byte = bytes[index] ?? 0;
    unsigned += byte;
    highBytes += byte >> 7;
  }
  for (let index = at + CHECKSUM_START; index < at + CHECKSUM_END; index++) {
    const byte = bytes[index] ?? 0;
    unsigned -= byte;
    highBytes -= byte >> 7;
  }
  unsigned += SPACE * (CHECKSUM_END - CHECKSUM_START);
  const stored = number(bytes, at + CHECKSUM_START, 8, 'checksum');
  if (stored !== unsigned && stored !== unsigned - 256 * highBytes) {
    throw new HeaderFault('these bytes are no tar header (the checksum does not match)');
  }
}

/** Octal digits padded with spaces and NULs, or GNU's base-256 (first bit set: big-endian two's complement). Empty is 0. */
function number(bytes: Buffer, at: number, length: number, field: string): number {
  const first = bytes[at] ?? 0;
  if (first >= 0x80) return base256(bytes, at, length, field);
  let index = at;
  const end = at + length;
  while (index < end && bytes[index] === SPACE) index++;
  let value = 0;
  for (; index < end; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; index < end; index++) {
    const byte = bytes[index];
    if (byte !== 0 && byte !== SPACE) throw new HeaderFault(`the header's ${field} is not a number`);
  }
  return value;
}

function base256(bytes: Buffer, at: number, length: number, field: string): number {
  const first = bytes[at] ?? 0;
  const negative = first === 0xff;
  if (!negative && first !== 0x80) throw new HeaderFault(`the header's ${field} is not a number`);
  let value = 0;
  for (let index = at + 1; index < at + length; index++) value = value * 256 + (negative ? 255 - (bytes[index] ?? 0) : (bytes[index] ?? 0));
  if (!Number.isSafeInteger(value)) throw new HeaderFault(`the header's ${field} is out of range`);
  return negative ? -value - 1 : value;
}

function text(bytes: Buffer, at: number, length: number): string {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end++;
  return decodeName(bytes, at, end);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A name's text: UTF-8, and byte by byte (Latin-1) where it is not UTF-8, so that two different names never become one.
 */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  for (let index = start; index < end; index++) {
    if ((bytes[index] ?? 0) < 0x80) continue;
    try {
      return utf8.decode(bytes.subarray(start, end));
    } catch {
      break;
    }
  }
  return bytes.toString('latin1', start, end);
}

/** Largest value of an octal field of 12 characters: 8 GiB - 1. */
const MAX_OCTAL_12 = 0o77777777777;

/**
 * Writes a ustar header block. Returns undefined when the values do not fit (a PAX header must then carry them): a name that is
 * not ASCII or cannot be split into prefix and name, a size of 8 GiB and more, a time before 1970 or beyond the year 2242.
 */
export function encodeHeader(header: Omit<TarHeader, 'linkName'>): Buffer | undefined {
  const place = splitName(header.name);
  if (place === undefined || header.size > MAX_OCTAL_12 || header.mtime < 0 || header.mtime > MAX_OCTAL_12) return undefined;
  const block = Buffer.alloc(BLOCK_SIZE);
  block.write(place.name, 0, 'latin1');
  block.write(octal(header.mode, 7), 100, 'latin1');
  block.write(octal(0, 7), 108, 'latin1');
  block.write(octal(0, 7), 116, 'latin1');
  block.write(octal(header.size, 11), 124, 'latin1');
  block.write(octal(header.mtime, 11), 136, 'latin1');
  block.write('        ', CHECKSUM_START, 'latin1');
  block[156] = header.typeFlag;
  block.write('ustar\x0000', 257, 'latin1');
  block.write(octal(0, 7), 329, 'latin1');
  block.write(octal(0, 7), 337, 'latin1');
  block.write(place.prefix, 345, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, CHECKSUM_START, 'latin1');
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** Splits at a slash so that the name takes 100 bytes at most and the prefix 155. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  for (let index = 0; index < name.length; index++) if (name.charCodeAt(index) >= 0x80) return undefined;
  if (name.length <= 100) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

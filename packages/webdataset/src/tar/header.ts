/**
 * One tar header block of 512 bytes: POSIX.1-1988 ustar, its predecessor v7, and GNU tar's base-256 numbers.
 * Layout: https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */

/** Tar counts in blocks of this many bytes. */
export const BLOCK_SIZE = 512;

/** Why a header cannot be used; the scanner adds shard and offset. */
export class HeaderFault extends Error {
  override readonly name = 'HeaderFault';
  readonly code: 'WDS_BAD_HEADER' | 'WDS_UNSUPPORTED';

  constructor(message: string, code: HeaderFault['code'] = 'WDS_BAD_HEADER') {
    super(message);
    this.code = code;
  }
}

/** The length that `size` bytes take in an archive: whole blocks. */
export function blocks(size: number): number {
  return Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE;
}

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;
const SPACE = 0x20;
const USTAR_MAGIC = Buffer.from('ustar\0', 'latin1');

/** The headers in some bytes of an archive, by where they start. */
export class HeaderReader {
  readonly #bytes: Buffer;
  /** The same memory, four bytes at a time; undefined where it does not lie on a multiple of four. */
  readonly #words: Int32Array | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const { buffer, byteOffset, length } = bytes;
    this.#words = byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >> 2) : undefined;
  }

  /**
   * True when the block at `at` is a header, false when it is all zeros, which ends an archive.
   *
   * @throws {@link HeaderFault} when it is neither: its checksum is wrong
   */
  isHeader(at: number): boolean {
    const sum = this.#sum(at);
    if (sum === 0) return false;
    const stored = number(this.#bytes, at + CHECKSUM_START, CHECKSUM_END - CHECKSUM_START);
    // The bytes of the checksum itself count as spaces.
    let expected = sum + SPACE * (CHECKSUM_END - CHECKSUM_START);
    for (let index = at + CHECKSUM_START; index < at + CHECKSUM_END; index++) expected -= this.#bytes[index] ?? 0;
    if (stored !== expected && stored !== signedSumOf(this.#bytes, at)) {
      throw new HeaderFault('these bytes are no tar header (the checksum does not match)');
    }
    return true;
  }

  /** Type flag as a character code; v7 files have 0. */
  typeFlag(at: number): number {
    return this.#bytes[at + 156] ?? 0;
  }

  /** Length of the data, in bytes; throws {@link HeaderFault} when it is no number. */
  size(at: number): number {
    const size = number(this.#bytes, at + 124, 12);
    if (size === undefined || size < 0) throw new HeaderFault("the header's size is not a number");
    return size;
  }

  /** Member name, the ustar prefix joined. */
  name(at: number): string {
    const name = text(this.#bytes, at, 100);
    // Only POSIX ustar has a prefix; GNU's old format ("ustar  ") keeps times and sparse maps in its place.
    if (this.#bytes[at + 345] === 0 || !this.#isUstar(at)) return name;
    return `${text(this.#bytes, at + 345, 155)}/${name}`;
  }

  /** Target of a link; else `''`. */
  linkName(at: number): string {
    return this.#bytes[at + 157] === 0 ? '' : text(this.#bytes, at + 157, 100);
  }

  /** Permission bits; 0 where the header has nonsense, as a sample does not need them. */
  mode(at: number): number {
    return number(this.#bytes, at + 100, 8) ?? 0;
  }

  /** Time of the last change in seconds since the epoch; 0 where the header has nonsense. */
  mtime(at: number): number {
    return number(this.#bytes, at + 136, 12) ?? 0;
  }

  #isUstar(at: number): boolean {
    return USTAR_MAGIC.every((byte, index) => this.#bytes[at + 257 + index] === byte);
  }

  /**
   * The sum of a block's 512 bytes, which is where the time of a scan goes. Four bytes at a time, as two sums of 16 bits in one number:
   * 2 x 128 x 255 fits each.
   */
  #sum(at: number): number {
    const words = this.#words;
    if (words === undefined) return sumOf(this.#bytes, at);
    let sums = 0;
    for (let index = at >> 2, end = (at + BLOCK_SIZE) >> 2; index < end; index++) {
      const word = words[index] ?? 0;
      sums = (sums + (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff)) | 0;
    }
    return (sums & 0xffff) + (sums >>> 16);
  }
}

function sumOf(bytes: Buffer, at: number): number {
  let sum = 0;
  for (let index = at; index < at + BLOCK_SIZE; index++) sum += bytes[index] ?? 0;
  return sum;
}

/** Some old tars summed signed bytes; every tar accepts that. */
function signedSumOf(bytes: Buffer, at: number): number {
  let sum = SPACE * (CHECKSUM_END - CHECKSUM_START);
  for (let index = at; index < at + BLOCK_SIZE; index++) {
    if (index < at + CHECKSUM_START || index >= at + CHECKSUM_END) sum += ((bytes[index] ?? 0) << 24) >> 24;
  }
  return sum;
}

/**
 * Octal digits padded with spaces and NULs, or GNU's base-256 (first bit set: big-endian two's complement). Empty is 0; undefined
 * is no number, or one that JavaScript cannot hold.
 */
function number(bytes: Buffer, at: number, length: number): number | undefined {
  if ((bytes[at] ?? 0) >= 0x80) return base256(bytes, at, length);
  let index = at;
  const end = at + length;
  while (index < end && bytes[index] === SPACE) index++;
  let value = 0;
  for (; index < end; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; index < end; index++) if (bytes[index] !== 0 && bytes[index] !== SPACE) return undefined;
  return value;
}

function base256(bytes: Buffer, at: number, length: number): number | undefined {
  const first = bytes[at];
  const negative = first === 0xff;
  if (!negative && first !== 0x80) return undefined;
  let value = 0;
  for (let index = at + 1; index < at + length; index++) value = value * 256 + (negative ? 255 - (bytes[index] ?? 0) : (bytes[index] ?? 0));
  if (!Number.isSafeInteger(value)) return undefined;
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

/** Largest value of an octal field of 12 characters: 8 GiB - 1 as a size, the year 2242 as a time. */
const MAX_OCTAL_12 = 0o77777777777;

/** True for a size or time that a ustar header can hold. */
export function isUstarNumber(value: number): boolean {
  return value >= 0 && value <= MAX_OCTAL_12;
}

/** True for a name that a ustar header can hold: ASCII, and short enough or with a slash at a place where it can be split. */
export function isUstarName(name: string): boolean {
  return splitName(name) !== undefined;
}

/** What {@link encodeHeader} writes. */
export interface HeaderFields {
  readonly name: string;
  readonly typeFlag: number;
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
}

/** Writes a ustar header block; throws RangeError when a value does not fit (see {@link isUstarName} and {@link isUstarNumber}). */
export function encodeHeader({ name, typeFlag, size, mode, mtime }: HeaderFields): Buffer {
  const place = splitName(name);
  if (place === undefined || !isUstarNumber(size) || !isUstarNumber(mtime)) throw new RangeError(`"${name}" does not fit a ustar header`);
  const block = Buffer.alloc(BLOCK_SIZE);
  const put = (text: string, at: number): number => block.write(text, at, 'latin1');
  put(place.name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108); // Owner and group: 0 and nameless, for the same bytes everywhere.
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(mtime, 11), 136);
  block[156] = typeFlag;
  put('ustar\x0000', 257);
  put(octal(0, 7), 329);
  put(octal(0, 7), 337);
  put(place.prefix, 345);
  put(' '.repeat(CHECKSUM_END - CHECKSUM_START), CHECKSUM_START);
  put(`${octal(sumOf(block, 0), 6)}\0 `, CHECKSUM_START);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** Splits at the first slash that leaves 100 bytes for the name and 155 for the prefix. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  for (let index = 0; index < name.length; index++) if (name.charCodeAt(index) >= 0x80) return undefined;
  if (name.length <= 100) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - 101);
  if (slash <= 0 || slash > 155 || slash === name.length - 1) return undefined;
  return { prefix: name.slice(0, slash), name: name.slice(slash + 1) };
}

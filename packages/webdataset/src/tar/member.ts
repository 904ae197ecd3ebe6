/** What a header and the extensions before it say together: a member. */
import { BLOCK_SIZE, decodeName, HeaderFault, type TarHeader } from './header.ts';
import { decodePax, paxInteger, type PaxRecords, paxTime } from './pax.ts';

/** What a member is. `other` are devices, pipes, and types that this package does not know. */
export type TarMemberType = 'file' | 'directory' | 'link' | 'symlink' | 'other';

/** One member of an archive. */
export interface TarMember {
  /** Path in the archive, `/`-separated; directories without their final slash. */
  readonly name: string;
  readonly type: TarMemberType;
  /** Length of the data in bytes; 0 for what has none. */
  readonly size: number;
  /** Where the data starts in the archive: a multiple of 512. */
  readonly offset: number;
  /** Where the member's first header starts; PAX and GNU extensions belong to it. */
  readonly headerOffset: number;
  /** Permission bits. */
  readonly mode: number;
  /** Time of the last change, in seconds since the epoch; PAX gives fractions. */
  readonly mtime: number;
  /** Target of a link; else `''`. */
  readonly linkName: string;
}

const TYPE = {
  v7File: 0,
  file: 0x30,
  link: 0x31,
  symlink: 0x32,
  characterDevice: 0x33,
  blockDevice: 0x34,
  directory: 0x35,
  pipe: 0x36,
  contiguous: 0x37,
  gnuLongLink: 0x4b,
  gnuLongName: 0x4c,
  gnuSparse: 0x53,
  solarisPax: 0x58,
  globalPax: 0x67,
  pax: 0x78,
} as const;

/** Types that have a size field but no data after the header. */
const WITHOUT_DATA: ReadonlySet<number> = new Set([
  TYPE.link,
  TYPE.symlink,
  TYPE.characterDevice,
  TYPE.blockDevice,
  TYPE.directory,
  TYPE.pipe,
]);

/** What the headers before a member say about it; and what global ones say about all members. */
export interface Extensions {
  readonly globals: PaxRecords;
  readonly pax: PaxRecords | undefined;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

/** True for headers that describe the member after them. */
export function isExtension({ typeFlag }: TarHeader): boolean {
  return (
    typeFlag === TYPE.pax ||
    typeFlag === TYPE.gnuLongName ||
    typeFlag === TYPE.gnuLongLink ||
    typeFlag === TYPE.globalPax ||
    typeFlag === TYPE.solarisPax
  );
}

/** Adds what an extension header and its body say; throws {@link HeaderFault} when the body is malformed. */
export function extend(extensions: Extensions, { typeFlag }: TarHeader, body: Buffer): Extensions {
  switch (typeFlag) {
    case TYPE.gnuLongName:
      return { ...extensions, longName: untilNul(body) };
    case TYPE.gnuLongLink:
      return { ...extensions, longLink: untilNul(body) };
    case TYPE.globalPax:
      return { ...extensions, globals: new Map([...extensions.globals, ...decodePax(body)]) };
    default:
      return { ...extensions, pax: decodePax(body) };
  }
}

/** True when extensions wait for the member that they describe. */
export function describesMember({ pax, longName, longLink }: Extensions): boolean {
  return pax !== undefined || longName !== undefined || longLink !== undefined;
}

/**
 * Puts a member together. PAX rules over GNU's names, and both over the header.
 *
 * @param headerOffset where the first of its headers starts
 * @param lastHeader where the last one starts, which the data follows
 * @throws {@link HeaderFault} when a number is out of range, or the member is sparse
 */
export function toMember(
  header: TarHeader,
  { globals, pax, longName, longLink }: Extensions,
  headerOffset: number,
  lastHeader: number,
): TarMember {
  const { typeFlag } = header;
  const hasRecords = pax !== undefined || globals.size > 0;
  if (
    typeFlag === TYPE.gnuSparse ||
    (hasRecords && SPARSE_KEYWORDS.some((keyword) => pax?.has(keyword) === true || globals.has(keyword)))
  ) {
    throw new HeaderFault('sparse members are not supported; pack without --sparse', 'WDS_UNSUPPORTED');
  }
  // A local record hides the global one; an empty one takes both back.
  const record = (keyword: string): string | undefined => {
    const value = hasRecords ? (pax?.get(keyword) ?? globals.get(keyword)) : undefined;
    return value === '' ? undefined : value;
  };
  const name = record('path') ?? longName ?? header.name;
  const paxSize = record('size');
  const size = paxSize === undefined ? header.size : paxInteger(paxSize, 'size');
  if (size > Number.MAX_SAFE_INTEGER - 2 * BLOCK_SIZE - lastHeader) throw new HeaderFault("the header's size is out of range");
  const isDirectory = typeFlag === TYPE.directory || (typeFlag === TYPE.v7File && name.endsWith('/'));
  return {
    name: isDirectory ? name.replace(/\/+$/, '') : name,
    type: isDirectory ? 'directory' : typeOf(typeFlag),
    size: WITHOUT_DATA.has(typeFlag) ? 0 : size,
    offset: lastHeader + BLOCK_SIZE,
    headerOffset,
    mode: header.mode,
    mtime: paxTime(record('mtime')) ?? header.mtime,
    linkName: record('linkpath') ?? longLink ?? header.linkName,
  };
}

/** The three generations of GNU tar's sparse format in PAX: 0.0, 0.1 and 1.0. */
const SPARSE_KEYWORDS = ['GNU.sparse.size', 'GNU.sparse.map', 'GNU.sparse.major'] as const;

function typeOf(typeFlag: number): TarMemberType {
  switch (typeFlag) {
    case TYPE.v7File:
    case TYPE.file:
    case TYPE.contiguous:
      return 'file';
    case TYPE.directory:
      return 'directory';
    case TYPE.link:
      return 'link';
    case TYPE.symlink:
      return 'symlink';
    default:
      return 'other';
  }
}

function untilNul(body: Buffer): string {
  const nul = body.indexOf(0);
  return decodeName(body, 0, nul < 0 ? body.length : nul);
}

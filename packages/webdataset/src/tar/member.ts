/** What a header and the extensions before it say together: a member. */
import { BLOCK_SIZE, decodeName, HeaderFault, type HeaderReader } from './header.ts';
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

/** True for headers that describe the member after them, or (global PAX headers) all of them. */
export function isExtension(typeFlag: number): boolean {
  return (
    typeFlag === TYPE.pax ||
    typeFlag === TYPE.gnuLongName ||
    typeFlag === TYPE.gnuLongLink ||
    typeFlag === TYPE.globalPax ||
    typeFlag === TYPE.solarisPax
  );
}

/** What the headers before a member say about it; and what global ones say about all members. */
export class Extensions {
  #globals: PaxRecords | undefined;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  /** Adds what the extension header with this type and the body between `start` and `end` says; {@link HeaderFault} when that is malformed. */
  add(typeFlag: number, bytes: Buffer, start: number, end: number): void {
    switch (typeFlag) {
      case TYPE.gnuLongName:
        this.#longName = untilNul(bytes, start, end);
        break;
      case TYPE.gnuLongLink:
        this.#longLink = untilNul(bytes, start, end);
        break;
      case TYPE.globalPax:
        this.#globals = { ...this.#globals, ...decodePax(bytes, start, end) };
        break;
      default:
        this.#addPax(decodePax(bytes, start, end));
    }
  }

  /** True when they describe a member, which has not come yet. */
  get describeMember(): boolean {
    return this.#pax !== undefined || this.#longName !== undefined || this.#longLink !== undefined;
  }

  /** True when a global header has said something that matters here. */
  get haveGlobals(): boolean {
    return this.#globals !== undefined && Object.keys(this.#globals).length > 0;
  }

  /** Forgets all but the global ones. */
  reset(): void {
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
  }

  get isSparse(): boolean {
    return this.#pax?.isSparse === true || this.#globals?.isSparse === true;
  }

  /** PAX rules over GNU's names. */
  get name(): string | undefined {
    return this.#record('path') ?? this.#longName;
  }

  get linkName(): string | undefined {
    return this.#record('linkpath') ?? this.#longLink;
  }

  /** In bytes; throws {@link HeaderFault} when it is no number. */
  get size(): number | undefined {
    const size = this.#record('size');
    return size === undefined ? undefined : paxInteger(size, 'size');
  }

  get mtime(): number | undefined {
    return paxTime(this.#record('mtime'));
  }

  #addPax(records: PaxRecords): void {
    // Two in a row are nobody's format; Python's tarfile applies both, and the first one last.
    this.#pax = this.#pax === undefined ? records : { ...records, ...this.#pax };
  }

  /** A local record hides the global one; an empty one takes both back. */
  #record(keyword: 'path' | 'linkpath' | 'size' | 'mtime'): string | undefined {
    if (this.#pax === undefined && this.#globals === undefined) return undefined;
    const value = this.#pax?.[keyword] ?? this.#globals?.[keyword];
    return value === '' ? undefined : value;
  }
}

/**
 * Puts a member together: the extensions rule over the header.
 *
 * @param headers the headers of a window
 * @param at where the member's last header is in the window, which the data follows
 * @param base where the window is in the archive
 * @param headerOffset where the first of the member's headers is in the archive
 * @throws {@link HeaderFault} when a number is out of range, or the member is sparse
 */
export function toMember(headers: HeaderReader, at: number, extensions: Extensions, base: number, headerOffset: number): TarMember {
  const typeFlag = headers.typeFlag(at);
  if (typeFlag === TYPE.gnuSparse || extensions.isSparse) {
    throw new HeaderFault('sparse members are not supported; pack without --sparse', 'WDS_UNSUPPORTED');
  }
  const name = extensions.name ?? headers.name(at);
  const size = extensions.size ?? headers.size(at);
  const offset = base + at + BLOCK_SIZE;
  if (size > Number.MAX_SAFE_INTEGER - BLOCK_SIZE - offset) throw new HeaderFault("the header's size is out of range");
  const isDirectory = typeFlag === TYPE.directory || (typeFlag === TYPE.v7File && name.endsWith('/'));
  return {
    name: isDirectory ? name.replace(/\/+$/, '') : name,
    type: isDirectory ? 'directory' : typeOf(typeFlag),
    size: isDirectory || WITHOUT_DATA.has(typeFlag) ? 0 : size,
    offset,
    headerOffset,
    mode: headers.mode(at),
    mtime: extensions.mtime ?? headers.mtime(at),
    linkName: extensions.linkName ?? headers.linkName(at),
  };
}

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

function untilNul(bytes: Buffer, start: number, end: number): string {
  let stop = start;
  while (stop < end && bytes[stop] !== 0) stop++;
  return decodeName(bytes, start, stop);
}

/**
 * The tar format without input or output: {@link TarScanner} is given windows of bytes and finds the members in them.
 *
 * A window starts where the scanner says ({@link TarScanner.position}) and is as long as the caller likes, from
 * {@link MIN_WINDOW_BYTES} up. Members that lie wholly in the window are handed out as views of it; the first one that does not
 * starts the next window, so that data is never copied together out of pieces. A member larger than the window is handed out
 * without its data, and the scanner steps over it.
 *
 * Read are v7, ustar (with prefix), PAX (path, linkpath, size, mtime; local and global) and GNU tar's long names, long links and
 * base-256 numbers. Sparse members and compressed archives are refused by name.
 *
 * Where other tars guess, this one says what is wrong, because a guess means training on fewer samples than there are: Python's
 * tarfile ends silently at a damaged header, and all of them end at a block of zeros (which is also what a hole in a file looks
 * like). Here an archive ends with a zero block and nothing but zeros after it.
 */
import { WebDatasetError } from '../errors.ts';
import { compressionOf } from '../source/compression.ts';
import { BLOCK_SIZE, blocks, HeaderFault, HeaderReader } from './header.ts';
import { Extensions, isExtension, type TarMember, toMember } from './member.ts';

/** A member and its data, which is undefined when the member is larger than the window. */
export interface ScannedMember {
  readonly member: TarMember;
  /** A view of the window, valid as long as the window's bytes are. */
  readonly data: Buffer | undefined;
}

/** Upper bound of the PAX and GNU headers of one member: names are limited to 4 KiB by Linux, so real ones are far below. */
const MAX_EXTENSION_BYTES = 1024 * 1024;

/** The smallest window that always shows the headers of a member. */
export const MIN_WINDOW_BYTES = MAX_EXTENSION_BYTES + 64 * 1024;

/** Finds the members of one archive in windows of its bytes. */
export class TarScanner {
  readonly #shard: string;
  readonly #extensions = new Extensions();
  #size: number;
  #position = 0;
  /** The end-of-archive marker was seen: only zeros may follow. */
  #inTail = false;
  #ended = false;

  /**
   * @param shard name of the archive, for messages
   * @param size length of the archive in bytes; `Infinity` as long as it is not known, see {@link endsAt}
   */
  constructor(shard: string, size: number) {
    this.#shard = shard;
    this.#size = size;
  }

  /** Where the next window must start. */
  get position(): number {
    return this.#position;
  }

  /** Says how long the archive is, which a stream tells only at its end: with its last window, at the latest. */
  endsAt(size: number): void {
    this.#size = size;
  }

  /** True after the last byte of the archive was seen. */
  get ended(): boolean {
    return this.#ended;
  }

  /** True once a global PAX header was met: members behind it mean nothing without it, so a scan cannot start among them. */
  get hasGlobals(): boolean {
    return this.#extensions.haveGlobals;
  }

  /** Scans a member again: the next window starts at its `headerOffset`, which must not lie after {@link position}. */
  rewind(headerOffset: number): void {
    this.#position = headerOffset;
    this.#inTail = false;
    this.#ended = false;
  }

  /**
   * The members of a window that starts at {@link position}. Each one moves the position behind it, so a caller that stops early
   * goes on right after the last member it took.
   *
   * @throws {@link WebDatasetError} `WDS_TRUNCATED`, `WDS_BAD_HEADER` or `WDS_UNSUPPORTED`, with the offset
   */
  *scan(window: Buffer): Generator<ScannedMember, void, undefined> {
    const base = this.#position;
    const reachesEnd = base + window.length >= this.#size;
    if (base === 0) this.#refuseCompressed(window);
    const headers = new HeaderReader(window);
    while (!this.#inTail) {
      const member = this.#next(window, headers, this.#position - base, base);
      if (member === 'tail') {
        this.#inTail = true;
        break;
      }
      if (member === 'cut') {
        if (this.#position === base) throw new RangeError(`A window needs ${MIN_WINDOW_BYTES} bytes, got ${window.length}`);
        return;
      }
      const end = member.offset + member.size;
      if (end > this.#size) {
        throw this.#truncated(member.headerOffset, `"${member.name}" needs ${end - this.#size} more bytes than the file has`);
      }
      const inside = end <= base + window.length;
      // Left for the next window, unless it is the first of this one: then no window of this size can hold it.
      if (!inside && member.headerOffset > base) return;
      this.#position = Math.min(member.offset + blocks(member.size), this.#size);
      yield { member, data: inside ? window.subarray(member.offset - base, end - base) : undefined };
      if (!inside) return;
    }
    this.#scanTail(window, this.#position - base);
    this.#ended = reachesEnd;
  }

  /** The member whose first header is at `start`; `cut` where the window ends inside its headers, `tail` at the end of the archive. */
  #next(window: Buffer, headers: HeaderReader, start: number, base: number): TarMember | 'cut' | 'tail' {
    const extensions = this.#extensions;
    extensions.reset();
    let at = start;
    try {
      for (;;) {
        if (at + BLOCK_SIZE > window.length) {
          if (base + window.length >= this.#size) throw this.#endWithoutMarker(base + start, base + at);
          return 'cut';
        }
        if (!headers.isHeader(at)) {
          if (extensions.describeMember) throw new HeaderFault('an extended header has no member after it');
          return 'tail';
        }
        const typeFlag = headers.typeFlag(at);
        if (!isExtension(typeFlag)) return toMember(headers, at, extensions, base, base + start);

        const size = headers.size(at);
        const body = at + BLOCK_SIZE;
        const next = body + blocks(size);
        if (next - start > MAX_EXTENSION_BYTES) throw new HeaderFault('the extended headers of a member are longer than 1 MiB');
        if (body + size > window.length) {
          if (base + body + size > this.#size) throw this.#truncated(base + at, 'the file ends inside an extended header');
          return 'cut';
        }
        extensions.add(typeFlag, window, body, body + size);
        at = next;
      }
    } catch (error) {
      if (error instanceof HeaderFault) throw new WebDatasetError(error.code, error.message, this.#at(base + at));
      throw error;
    }
  }

  #scanTail(window: Buffer, start: number): void {
    for (let index = start; index < window.length; index++) {
      if (window[index] === 0) continue;
      throw this.#badHeader(
        this.#position + index - start,
        'there is data after the end-of-archive marker: the file has a hole of zeros, or is two archives in one',
      );
    }
    this.#position += window.length - start;
  }

  #refuseCompressed(window: Buffer): void {
    const compression = compressionOf(window);
    if (compression === undefined) return;
    throw new WebDatasetError('WDS_UNSUPPORTED', `the shard is compressed with ${compression}; decompress it first`, this.#at(0));
  }

  #endWithoutMarker(unitStart: number, at: number): WebDatasetError {
    if (this.#size === 0) return this.#truncated(0, 'the file is empty');
    if (unitStart < at) return this.#truncated(unitStart, 'the file ends after an extended header');
    if (at < this.#size) return this.#truncated(at, 'the file ends inside a header');
    return this.#truncated(at, 'the file ends without the end-of-archive marker: it was cut off, or its writer never closed it');
  }

  #truncated(offset: number, message: string): WebDatasetError {
    return new WebDatasetError('WDS_TRUNCATED', `the shard is truncated: ${message}`, this.#at(offset));
  }

  #badHeader(offset: number, message: string): WebDatasetError {
    return new WebDatasetError('WDS_BAD_HEADER', message, this.#at(offset));
  }

  #at(offset: number): { shard: string; offset: number } {
    return { shard: this.#shard, offset };
  }
}

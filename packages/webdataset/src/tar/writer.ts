/**
 * Writes archives that every tar reads: plain ustar, and a PAX header only for a member that ustar cannot express. The same members
 * give the same bytes, on every machine and at any time.
 */
import { BLOCK_SIZE, blocks, encodeHeader, isUstarName, isUstarNumber } from './header.ts';
import { encodePax } from './pax.ts';

/** A file to pack. */
export interface TarFile {
  /** Path in the archive, `/`-separated. */
  readonly name: string;
  readonly data: Uint8Array;
  /** Permission bits. Default 0o444. */
  readonly mode?: number;
  /** Time of the last change, in whole seconds since the epoch. Default 0, so that archives do not depend on when they were made. */
  readonly mtime?: number;
}

/** Two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK_SIZE);

const FILE = 0x30;
const PAX = 0x78;
const PADDING = Buffer.alloc(BLOCK_SIZE);

/** The pieces of one member: headers, the data itself (not copied) and padding. */
export function encodeMember({ name, data, mode = 0o444, mtime = 0 }: TarFile): Uint8Array[] {
  if (!Number.isSafeInteger(mtime)) throw new RangeError(`mtime must be whole seconds, got ${mtime}`);
  const padding = PADDING.subarray(0, blocks(data.length) - data.length);
  return [...encodeMemberHeader({ name, size: data.length, mode, mtime }), data, padding];
}

/** The headers of a member: one block, or three and more where PAX must carry what ustar cannot. */
export function encodeMemberHeader({ name, size, mode, mtime }: { name: string; size: number; mode: number; mtime: number }): Uint8Array[] {
  if (name === '' || name.includes('\0')) throw new RangeError('A member needs a name without NUL.');
  const records: [string, string][] = [];
  if (!isUstarNumber(mtime)) records.push(['mtime', String(mtime)]);
  if (!isUstarName(name)) records.push(['path', name]);
  if (!isUstarNumber(size)) records.push(['size', String(size)]);
  // What PAX overrides stays as good as it can be, for tars that do not know PAX.
  const header = encodeHeader({
    name: isUstarName(name) ? name : asciiTail(name),
    size: isUstarNumber(size) ? size : 0,
    mode,
    mtime: isUstarNumber(mtime) ? mtime : 0,
    typeFlag: FILE,
  });
  if (records.length === 0) return [header];
  const body = encodePax(records);
  const padding = PADDING.subarray(0, blocks(body.length) - body.length);
  return [encodeHeader({ name: 'PaxHeader', size: body.length, mode, mtime: 0, typeFlag: PAX }), body, padding, header];
}

/** The last 100 bytes of a name, for tars that do not know PAX. */
function asciiTail(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '_').slice(-100);
}

/** Where a {@link TarWriter} puts its bytes, in order. */
export type TarSink = (bytes: Uint8Array) => Promise<void> | void;

/** Packs files into one archive. */
export class TarWriter {
  readonly #sink: TarSink;

  /** @param sink gets the bytes; it is waited for before the next ones come */
  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Packs a file. */
  async add(file: TarFile): Promise<void> {
    for (const piece of encodeMember(file)) if (piece.length > 0) await this.#sink(piece);
  }

  /** Writes the end-of-archive marker. */
  async close(): Promise<void> {
    await this.#sink(END_OF_ARCHIVE);
  }
}

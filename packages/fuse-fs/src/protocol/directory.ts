import type { Entry } from '../file-system.ts';
import { ENTRY_SIZE, writeEntry, writeUnsigned } from './attributes.ts';
import { EntryType } from './constants.ts';

/** Bytes of `struct fuse_dirent` before the name. */
const DIRENT_SIZE = 24;
/** Entries begin at multiples of this. */
const ALIGNMENT = 8;

/** One line of a listing as the kernel takes it. */
export interface PackedEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  readonly inode: number;
  /** Where reading goes on after this entry; any number but 0, kept by the kernel and handed back as the offset. */
  readonly next: number;
}

/**
 * Packs directory entries into one reply to READDIR (`struct fuse_dirent`) or, with attributes, to READDIRPLUS
 * (`struct fuse_direntplus`).
 */
export class DirectoryPacker {
  readonly #reply: Buffer;
  readonly #plus: boolean;
  #used = 0;

  /**
   * @param size most bytes that the kernel takes.
   * @param plus whether each entry carries attributes.
   */
  constructor(size: number, plus: boolean) {
    this.#reply = Buffer.alloc(size);
    this.#plus = plus;
  }

  /**
   * Adds one entry.
   *
   * @param attributes called only if the entry fits and attributes are wanted; without a result the entry carries none, and the kernel
   *   looks the name up when it needs it. `.` and `..` must have none.
   * @returns false if the entry doesn't fit; nothing was added.
   */
  add(entry: PackedEntry, attributes?: () => Entry): boolean {
    const name = Buffer.from(entry.name, 'utf8');
    const head = this.#plus ? ENTRY_SIZE : 0;
    const end = align(this.#used + head + DIRENT_SIZE + name.length);
    if (end > this.#reply.length) return false;
    if (this.#plus && attributes !== undefined) writeEntry(this.#reply, this.#used, attributes());
    const at = this.#used + head;
    writeUnsigned(this.#reply, at, entry.inode);
    writeUnsigned(this.#reply, at + 8, entry.next);
    this.#reply.writeUInt32LE(name.length, at + 16);
    this.#reply.writeUInt32LE(EntryType[entry.kind], at + 20);
    name.copy(this.#reply, at + DIRENT_SIZE);
    this.#used = end;
    return true;
  }

  /** The packed entries; empty means the end of the directory. */
  get bytes(): Buffer {
    return this.#reply.subarray(0, this.#used);
  }
}

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

import type { Attributes, Entry, FileSystemStatistics, MissingEntry } from '../file-system.ts';
import { ModeType } from './constants.ts';

export const ATTRIBUTES_SIZE = 88;
export const ENTRY_SIZE = 128;
const ATTRIBUTES_REPLY_SIZE = 104;
const STATISTICS_SIZE = 80;

/** Unit of `st_blocks`, fixed by stat(2). */
const STAT_BLOCK = 512;
/** `st_blksize`: what stdio and the core utilities take for their buffers; the kernel's page. */
const PREFERRED_IO_SIZE = 4096;

/** `struct fuse_attr` at a place in a buffer. */
function writeAttributes(target: Buffer, at: number, attributes: Attributes): void {
  const seconds = BigInt(Math.floor(attributes.modifiedMs / 1000));
  const nanoseconds = Math.floor((attributes.modifiedMs - Number(seconds) * 1000) * 1e6);
  writeUnsigned(target, at, attributes.inode);
  writeUnsigned(target, at + 8, attributes.size);
  writeUnsigned(target, at + 16, Math.ceil(attributes.size / STAT_BLOCK));
  for (let time = 0; time < 3; time++) {
    target.writeBigInt64LE(seconds, at + 24 + time * 8);
    target.writeUInt32LE(nanoseconds, at + 48 + time * 4);
  }
  target.writeUInt32LE(ModeType[attributes.kind] | attributes.permissions, at + 60);
  // A directory's link count of 1 means "unknown" to find(1) and fts(3): it can't be told without listing the directory.
  target.writeUInt32LE(1, at + 64);
  target.writeUInt32LE(attributes.uid, at + 68);
  target.writeUInt32LE(attributes.gid, at + 72);
  target.writeUInt32LE(0, at + 76);
  target.writeUInt32LE(PREFERRED_IO_SIZE, at + 80);
  target.writeUInt32LE(0, at + 84);
}

/** `struct fuse_entry_out` at a place in a buffer; a missing name is the inode 0. */
export function writeEntry(target: Buffer, at: number, entry: Entry | MissingEntry): void {
  target.fill(0, at, at + ENTRY_SIZE);
  writeUnsigned(target, at, entry.attributes?.inode ?? 0);
  writeValidity(target, at + 16, at + 32, entry.validMs);
  if (entry.attributes === undefined) return;
  writeValidity(target, at + 24, at + 36, entry.validMs);
  writeAttributes(target, at + 40, entry.attributes);
}

/** Reply to LOOKUP: `struct fuse_entry_out`. */
export function encodeEntry(entry: Entry | MissingEntry): Buffer {
  const reply = Buffer.allocUnsafe(ENTRY_SIZE);
  writeEntry(reply, 0, entry);
  return reply;
}

/** Reply to GETATTR: `struct fuse_attr_out`. */
export function encodeAttributes(entry: Entry): Buffer {
  const reply = Buffer.alloc(ATTRIBUTES_REPLY_SIZE);
  writeValidity(reply, 0, 8, entry.validMs);
  writeAttributes(reply, 16, entry.attributes);
  return reply;
}

/** Reply to STATFS: `struct fuse_kstatfs`. */
export function encodeStatistics(statistics: FileSystemStatistics): Buffer {
  const reply = Buffer.alloc(STATISTICS_SIZE);
  writeUnsigned(reply, 0, statistics.blocks);
  writeUnsigned(reply, 8, statistics.freeBlocks);
  writeUnsigned(reply, 16, statistics.freeBlocks);
  writeUnsigned(reply, 24, statistics.files);
  writeUnsigned(reply, 32, statistics.freeFiles);
  reply.writeUInt32LE(statistics.blockSize, 40);
  reply.writeUInt32LE(statistics.nameLength, 44);
  reply.writeUInt32LE(statistics.blockSize, 48);
  return reply;
}

/** A time span as the protocol has it: whole seconds in one place, nanoseconds in another. */
function writeValidity(target: Buffer, secondsAt: number, nanosecondsAt: number, milliseconds: number): void {
  const whole = Math.max(0, Math.floor(milliseconds));
  writeUnsigned(target, secondsAt, Math.floor(whole / 1000));
  target.writeUInt32LE((whole % 1000) * 1e6, nanosecondsAt);
}

/** An integer from 0 to 2^53 - 1 as 64 bits. */
export function writeUnsigned(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value % 2 ** 32, at);
  target.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

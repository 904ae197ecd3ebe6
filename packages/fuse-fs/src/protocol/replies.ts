import { writeUnsigned } from './attributes.ts';
import { OUT_HEADER_SIZE } from './constants.ts';

const OPEN_SIZE = 16;
const INIT_SIZE = 64;

/**
 * The header of every reply, `struct fuse_out_header`.
 *
 * @param errno 0 for success, else the positive number of the error; an error has no payload.
 */
export function encodeHeader(unique: bigint, errno: number, payloadLength: number): Buffer {
  const header = Buffer.allocUnsafe(OUT_HEADER_SIZE);
  writeHeader(header, unique, errno, payloadLength);
  return header;
}

/** {@link encodeHeader} into a buffer that is used again. */
export function writeHeader(target: Buffer, unique: bigint, errno: number, payloadLength: number): void {
  target.writeUInt32LE(OUT_HEADER_SIZE + payloadLength, 0);
  target.writeInt32LE(-errno, 4);
  target.writeBigUInt64LE(unique, 8);
}

/** Reply to OPEN and OPENDIR: `struct fuse_open_out`. `backingId` counts only with the passthrough flag. */
export function encodeOpen(handle: number, flags: number, backingId = 0): Buffer {
  const reply = Buffer.allocUnsafe(OPEN_SIZE);
  writeUnsigned(reply, 0, handle);
  reply.writeUInt32LE(flags, 8);
  reply.writeInt32LE(backingId, 12);
  return reply;
}

/** What the file system chose of the kernel's offer. */
export interface InitReply {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  /** Accepted capabilities, see `InitFlag`. */
  readonly flags: bigint;
  /** Most requests in flight that no process waits for, such as read-ahead. */
  readonly maxBackground: number;
  /** From this many on the kernel slows new ones down. */
  readonly congestionThreshold: number;
  /** Most bytes of one WRITE. */
  readonly maxWrite: number;
  /** Most pages of one request. */
  readonly maxPages: number;
  /** Resolution of file times, in nanoseconds. */
  readonly timeGranularity: number;
  /** How many file systems may be stacked below a backing file; 0 turns passthrough off. */
  readonly maxStackDepth: number;
}

/** Reply to INIT: `struct fuse_init_out`. */
export function encodeInit(reply: InitReply): Buffer {
  const bytes = Buffer.alloc(INIT_SIZE);
  bytes.writeUInt32LE(reply.major, 0);
  bytes.writeUInt32LE(reply.minor, 4);
  bytes.writeUInt32LE(reply.maxReadahead, 8);
  bytes.writeUInt32LE(Number(reply.flags & 0xffff_ffffn), 12);
  bytes.writeUInt16LE(reply.maxBackground, 16);
  bytes.writeUInt16LE(reply.congestionThreshold, 18);
  bytes.writeUInt32LE(reply.maxWrite, 20);
  bytes.writeUInt32LE(reply.timeGranularity, 24);
  bytes.writeUInt16LE(reply.maxPages, 28);
  bytes.writeUInt16LE(0, 30);
  bytes.writeUInt32LE(Number(reply.flags >> 32n), 32);
  bytes.writeUInt32LE(reply.maxStackDepth, 36);
  return bytes;
}

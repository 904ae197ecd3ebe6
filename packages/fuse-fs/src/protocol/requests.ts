import { isUtf8 } from 'node:buffer';
import { IN_HEADER_SIZE, Opcode, type Operation } from './constants.ts';
import { ProtocolError } from './protocol-error.ts';

/** What every request begins with. */
export interface RequestHeader {
  /** Identity of the request; the reply repeats it. */
  readonly unique: bigint;
  /** The inode that the request is about; 0 where there is none. */
  readonly inode: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** How many lookup references of an inode the kernel gives back. */
export interface Forget {
  readonly inode: number;
  readonly count: number;
}

/** Capabilities and limits that the kernel offers. */
export interface InitRequest {
  readonly operation: 'init';
  readonly major: number;
  readonly minor: number;
  /** Bytes that the kernel would read ahead. */
  readonly maxReadahead: number;
  /** Offered capabilities, `flags` and `flags2` in one number; see `InitFlag`. */
  readonly flags: bigint;
}

/** Arguments of the requests that a read-only file system answers. */
export type RequestBody =
  | InitRequest
  /** `name` is undefined where its bytes are not UTF-8. */
  | { readonly operation: 'lookup'; readonly name: string | undefined }
  | { readonly operation: 'forget' | 'batch_forget'; readonly forgets: readonly Forget[] }
  /** `flags` are those of open(2). */
  | { readonly operation: 'open' | 'opendir'; readonly flags: number }
  | { readonly operation: 'read' | 'readdir' | 'readdirplus'; readonly handle: number; readonly offset: number; readonly size: number }
  | { readonly operation: 'release' | 'releasedir'; readonly handle: number }
  | { readonly operation: 'interrupt'; readonly target: bigint }
  /** All others: which they are is enough to answer them. */
  | { readonly operation: PlainOperation };

type DetailedOperation =
  | 'init'
  | 'lookup'
  | 'forget'
  | 'batch_forget'
  | 'open'
  | 'opendir'
  | 'read'
  | 'readdir'
  | 'readdirplus'
  | 'release'
  | 'releasedir'
  | 'interrupt';

/** Operations whose arguments are not decoded; `unknown` stands for one that is newer than this codec. */
export type PlainOperation = Exclude<Operation, DetailedOperation> | 'unknown';

/** One decoded request. */
export type Request = RequestHeader & RequestBody;

const OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  (Object.keys(Opcode) as Operation[]).map((operation) => [Opcode[operation], operation]),
);

/** Bytes of `struct fuse_init_in` before `flags2` came (7.36), and with it. */
const INIT_IN_SIZE = 16;
const INIT_IN_EXTENDED_SIZE = 20;
/** Highest file offset of a JavaScript number; greater ones lie beyond every file. */
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

/**
 * Decodes one request as the kernel hands it out: exactly one a read(2) of the device.
 *
 * @param bytes the whole request and nothing else; not kept.
 * @throws {ProtocolError} when the bytes are no request. It names the request if its header was readable.
 */
export function decodeRequest(bytes: Buffer): Request {
  if (bytes.length < IN_HEADER_SIZE) throw new ProtocolError(`a request of ${bytes.length} bytes is shorter than its header`);
  const unique = bytes.readBigUInt64LE(8);
  const length = bytes.readUInt32LE(0);
  if (length !== bytes.length) throw new ProtocolError(`a request of ${bytes.length} bytes says that it has ${length}`, unique);
  const operation = OPERATIONS.get(bytes.readUInt32LE(4));
  const header: RequestHeader = {
    unique,
    inode: safeNumber(bytes, 16, unique),
    uid: bytes.readUInt32LE(24),
    gid: bytes.readUInt32LE(28),
    pid: bytes.readUInt32LE(32),
  };
  return { ...header, ...decodeBody(bytes, operation, header) };
}

function decodeBody(bytes: Buffer, operation: Operation | undefined, header: RequestHeader): RequestBody {
  const { unique } = header;
  const need = (size: number): void => {
    if (bytes.length < IN_HEADER_SIZE + size)
      throw new ProtocolError(`${operation ?? 'unknown'}: arguments of ${size} bytes are missing`, unique);
  };
  switch (operation) {
    case undefined:
      return { operation: 'unknown' };
    case 'init':
      need(INIT_IN_SIZE);
      return { operation, ...decodeInit(bytes) };
    case 'lookup':
      return { operation, name: decodeName(bytes, unique) };
    case 'forget':
      need(8);
      return { operation, forgets: [{ inode: header.inode, count: safeNumber(bytes, 40, unique) }] };
    case 'batch_forget':
      need(8);
      return { operation, forgets: decodeForgets(bytes, unique) };
    case 'open':
    case 'opendir':
      need(8);
      return { operation, flags: bytes.readUInt32LE(40) };
    case 'read':
    case 'readdir':
    case 'readdirplus':
      need(40);
      return {
        operation,
        handle: safeNumber(bytes, 40, unique),
        offset: Math.min(Number(bytes.readBigUInt64LE(48)), MAX_OFFSET),
        size: bytes.readUInt32LE(56),
      };
    case 'release':
    case 'releasedir':
      need(24);
      return { operation, handle: safeNumber(bytes, 40, unique) };
    case 'interrupt':
      need(8);
      return { operation, target: bytes.readBigUInt64LE(40) };
    default:
      return { operation };
  }
}

function decodeInit(bytes: Buffer): Omit<InitRequest, 'operation'> {
  const low = BigInt(bytes.readUInt32LE(52));
  const high = bytes.length >= IN_HEADER_SIZE + INIT_IN_EXTENDED_SIZE ? BigInt(bytes.readUInt32LE(56)) : 0n;
  return {
    major: bytes.readUInt32LE(40),
    minor: bytes.readUInt32LE(44),
    maxReadahead: bytes.readUInt32LE(48),
    flags: low | (high << 32n),
  };
}

function decodeName(bytes: Buffer, unique: bigint): string | undefined {
  const end = bytes.indexOf(0, IN_HEADER_SIZE);
  if (end < 0) throw new ProtocolError('lookup: the name does not end', unique);
  const name = bytes.subarray(IN_HEADER_SIZE, end);
  return isUtf8(name) ? name.toString('utf8') : undefined;
}

function decodeForgets(bytes: Buffer, unique: bigint): Forget[] {
  const count = bytes.readUInt32LE(40);
  if (bytes.length < IN_HEADER_SIZE + 8 + count * 16) throw new ProtocolError(`batch_forget: ${count} entries do not fit`, unique);
  return Array.from({ length: count }, (_, index) => ({
    inode: safeNumber(bytes, 48 + index * 16, unique),
    count: safeNumber(bytes, 56 + index * 16, unique),
  }));
}

/** Inodes and handles are given out by this package as numbers below 2^53, so a greater one was never given out. */
function safeNumber(bytes: Buffer, offset: number, unique: bigint): number {
  const value = bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
  if (!Number.isSafeInteger(value))
    throw new ProtocolError(`the 64-bit number at byte ${offset} is greater than any that was given out`, unique);
  return value;
}

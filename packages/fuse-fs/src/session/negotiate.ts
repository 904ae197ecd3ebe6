import { read } from 'node:fs';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import { MountError } from '../errors.ts';
import { FUSE_MAJOR, FUSE_MINOR, FUSE_OLDEST_MINOR, InitFlag, MIN_READ_BUFFER, PAGE_SIZE } from '../protocol/constants.ts';
import { encodeInit } from '../protocol/replies.ts';
import { decodeRequest, type InitRequest } from '../protocol/requests.ts';
import type { Device } from './device.ts';

const readAsync = promisify(read);

/** Pages of one request: 256 (1 MiB) is what kernels allow without `fs.fuse.max_pages_limit` being raised. */
const MAX_PAGES = 256;
/** Bytes of one WRITE. Nothing is written here, and every reader's buffer must hold one WRITE, so the smallest that kernels accept. */
const MAX_WRITE = PAGE_SIZE;
/** Read-ahead requests in flight: enough for a few sequential readers of 1 MiB windows; the kernel's default of 12 starves them. */
const MAX_BACKGROUND = 64;
/** The kernel's own ratio of the threshold to the maximum. */
const CONGESTION_THRESHOLD = (MAX_BACKGROUND * 3) / 4;
/** A backing file must lie on a plain file system, not on one that is itself stacked. */
const BACKING_STACK_DEPTH = 1;

/** Size of a buffer for reading requests: the kernel refuses a smaller one. */
export const REQUEST_BUFFER_SIZE = Math.max(MIN_READ_BUFFER, MAX_WRITE + PAGE_SIZE) * 2;
/** Most bytes of one READ. */
export const MAX_READ_SIZE = MAX_PAGES * PAGE_SIZE;

/** Capabilities that are taken whenever the kernel has them. */
const WANTED =
  InitFlag.asyncRead |
  InitFlag.bigWrites |
  InitFlag.readdirPlus |
  InitFlag.readdirPlusAuto |
  InitFlag.asyncDirectIo |
  InitFlag.parallelDirectoryOperations |
  InitFlag.abortError |
  InitFlag.maxPages |
  InitFlag.explicitInvalidation |
  InitFlag.initExtension;

/** What was agreed on. */
export interface Negotiated {
  /** Whether OPEN may hand out backing files. */
  readonly passthrough: boolean;
}

/**
 * Answers INIT, the first request of every mount, after which the kernel sends others.
 *
 * @param options.maxReadahead most bytes that the kernel may read ahead; it does not exceed its own offer.
 * @param options.passthrough whether backing files are wanted.
 */
export async function negotiate(
  device: Device,
  options: { readonly maxReadahead: number; readonly passthrough: boolean },
): Promise<Negotiated> {
  for (;;) {
    const buffer = Buffer.alloc(REQUEST_BUFFER_SIZE);
    const { bytesRead } = await readAsync(device.fd, buffer, 0, buffer.length, null);
    const request = decodeRequest(buffer.subarray(0, bytesRead));
    if (request.operation !== 'init') {
      throw new MountError('MOUNT_FAILED', `the kernel began with ${request.operation} and not with the negotiation of the protocol`);
    }
    if (request.major < FUSE_MAJOR || (request.major === FUSE_MAJOR && request.minor < FUSE_OLDEST_MINOR)) {
      device.replyError(request.unique, constants.errno.EPROTO);
      throw new MountError(
        'FUSE_VERSION',
        `the kernel speaks FUSE ${request.major}.${request.minor}, and ${FUSE_MAJOR}.${FUSE_OLDEST_MINOR} (Linux 5.4) is needed at least`,
      );
    }
    const agreed = answer(request, options);
    device.reply(request.unique, encodeInit(agreed));
    // A kernel with a newer major version asks again in this one.
    if (request.major === FUSE_MAJOR) return { passthrough: agreed.maxStackDepth > 0 };
  }
}

function answer(
  request: InitRequest,
  options: { readonly maxReadahead: number; readonly passthrough: boolean },
): Parameters<typeof encodeInit>[0] {
  const wanted = options.passthrough ? WANTED | InitFlag.passthrough : WANTED;
  const flags = request.flags & wanted;
  return {
    major: FUSE_MAJOR,
    minor: Math.min(request.minor, FUSE_MINOR),
    maxReadahead: Math.min(request.maxReadahead, options.maxReadahead),
    flags,
    maxBackground: MAX_BACKGROUND,
    congestionThreshold: CONGESTION_THRESHOLD,
    maxWrite: MAX_WRITE,
    maxPages: MAX_PAGES,
    timeGranularity: 1,
    maxStackDepth: (flags & InitFlag.passthrough) === 0n ? 0 : BACKING_STACK_DEPTH,
  };
}

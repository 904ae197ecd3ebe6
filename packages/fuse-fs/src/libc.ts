import { constants } from 'node:os';
import type * as Koffi from 'koffi';

/**
 * The few calls of the C library that Node.js does not have. They come through koffi, which is loaded at the first use and may be
 * missing: then {@link loadLibc} says so and its callers do without (no passthrough, no mount as an ordinary user).
 */
export interface Libc {
  /** ioctl(2) whose argument is a structure. Returns the call's result. */
  ioctl(fd: number, request: number, argument: Buffer): number;
  /** socketpair(2): two connected stream sockets. Only the second is inherited by child processes. */
  socketPair(): [mine: number, forChild: number];
  /** recvmsg(2) of one byte with one descriptor (SCM_RIGHTS); waits in a thread of the pool. Undefined when the other end closed first. */
  receiveDescriptor(socket: number): Promise<number | undefined>;
  /** umount2(2) with MNT_DETACH; true if something was unmounted. Only for the moment of exit, when no child process can be waited for. */
  detachMount(path: string): boolean;
  /** _exit(2): ends the process at once, whatever its threads wait for. */
  exitNow(status: number): never;
}

/** A failed call of the C library. */
export class LibcError extends Error {
  override readonly name = 'LibcError';
  /** Name of the error (`EPERM`), or `UNKNOWN`. */
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? 'UNKNOWN';
    super(`${call} failed: ${code} (${errno})`);
    this.code = code;
  }
}

/** What a machine without these calls gets. */
export interface LibcUnavailable {
  readonly reason: string;
}

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const MNT_DETACH = 2;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/**
 * Where the parts of a message with one descriptor lie in one buffer, as 64-bit Linux has them: `struct msghdr`, `struct iovec`, the
 * byte that is received, and `struct cmsghdr` with the descriptor behind it, padded to 8.
 */
const Message = { header: 0, vector: 56, byte: 72, control: 80, descriptor: 96, size: 104, controlSize: 24 } as const;

let loaded: Promise<Libc | LibcUnavailable> | undefined;

/** Loads the calls once. Never rejects. */
export function loadLibc(): Promise<Libc | LibcUnavailable> {
  loaded ??= load();
  return loaded;
}

/** Whether {@link loadLibc} succeeded. */
export function isLibc(result: Libc | LibcUnavailable): result is Libc {
  return 'ioctl' in result;
}

async function load(): Promise<Libc | LibcUnavailable> {
  if (process.platform !== 'linux') return { reason: `these system calls are those of Linux, and this is ${process.platform}` };
  try {
    const { default: koffi } = await import('koffi');
    return bind(koffi);
  } catch (error) {
    return { reason: `koffi can't be loaded: ${error instanceof Error ? error.message : String(error)}` };
  }
}

type Native<Arguments extends readonly unknown[]> = Koffi.KoffiFunc<(...args: Arguments) => number>;

function bind(koffi: typeof Koffi.default): Libc {
  const libc = koffi.load(null);
  const ioctl: Native<[number, number, Buffer]> = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
  const fcntl: Native<[number, number, number]> = libc.func('int fcntl(int fd, int command, int argument)');
  const socketpair: Native<[number, number, number, Buffer]> = libc.func('int socketpair(int domain, int type, int protocol, void *pair)');
  const recvmsg: Native<[number, Buffer, number]> = libc.func('long recvmsg(int socket, void *message, int flags)');
  const umount2: Native<[string, number]> = libc.func('int umount2(const char *target, int flags)');
  const exit: Native<[number]> = libc.func('void _exit(int status)');

  const check = (call: string, result: number): number => {
    if (result < 0) throw new LibcError(call, koffi.errno());
    return result;
  };
  return {
    ioctl: (fd, request, argument) => check('ioctl', ioctl(fd, request, argument)),
    socketPair: () => {
      const pair = Buffer.alloc(8);
      check('socketpair', socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
      const forChild = pair.readInt32LE(4);
      check('fcntl', fcntl(forChild, F_SETFD, 0));
      return [pair.readInt32LE(0), forChild];
    },
    receiveDescriptor: async (socket) => {
      const message = Buffer.alloc(Message.size);
      const address = koffi.address(message);
      message.writeBigUInt64LE(address + BigInt(Message.vector), Message.header + 16);
      message.writeBigUInt64LE(1n, Message.header + 24);
      message.writeBigUInt64LE(address + BigInt(Message.control), Message.header + 32);
      message.writeBigUInt64LE(BigInt(Message.controlSize), Message.header + 40);
      message.writeBigUInt64LE(address + BigInt(Message.byte), Message.vector);
      message.writeBigUInt64LE(1n, Message.vector + 8);
      const received = await new Promise<number>((resolve, reject) => {
        recvmsg.async(socket, message, MSG_CMSG_CLOEXEC, (error: Error | null, result) => {
          if (error === null) resolve(result);
          else reject(error);
        });
      });
      const hasDescriptor =
        received > 0 && message.readInt32LE(Message.control + 8) === SOL_SOCKET && message.readInt32LE(Message.control + 12) === SCM_RIGHTS;
      return hasDescriptor ? message.readInt32LE(Message.descriptor) : undefined;
    },
    detachMount: (path) => umount2(path, MNT_DETACH) === 0,
    exitNow: (status) => {
      exit(status);
      throw new Error('_exit returned');
    },
  };
}

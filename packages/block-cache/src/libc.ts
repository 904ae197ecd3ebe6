import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';

/** The system calls that Node does not offer. */
export interface Libc {
  /**
   * Takes the exclusive lock on an open file without waiting.
   *
   * @returns false when someone else holds it.
   */
  tryLock(fd: number): boolean;
  /** Gives the bytes of a range back to the file system; they read as zeros afterwards. The size of the file stays. */
  punchHole(fd: number, offset: number, length: number): Promise<void>;
}

const LOCK_EX = 2;
const LOCK_NB = 4;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

type ForeignCall = ((...args: number[]) => number) & { async(...args: [...number[], (error: Error | null, result: number) => void]): void };

interface Foreign {
  load(path: null): { func(definition: string): ForeignCall };
  errno(): number;
}

/** What {@link loadLibc} found. */
export type LibcResult = { readonly libc: Libc } | { readonly libc: undefined; readonly reason: unknown };

/** Loads the system calls through `koffi`; where that can't be had (platform without a prebuilt, package left out) the reason is returned. */
export function loadLibc(): LibcResult {
  try {
    if (process.platform !== 'linux') throw new Error(`flock and fallocate are used on Linux only, this is ${process.platform}`);
    const koffi = createRequire(import.meta.url)('koffi') as Foreign;
    const library = koffi.load(null);
    const flock = library.func('int flock(int fd, int operation)');
    const fallocate = library.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
    return {
      libc: {
        tryLock(fd) {
          if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
          const error = failure('flock', koffi.errno());
          if (error.code === 'EAGAIN') return false;
          throw error;
        },
        punchHole(fd, offset, length) {
          return new Promise((resolve, reject) => {
            fallocate.async(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length, (error, result) => {
              if (error !== null) reject(error);
              else if (result !== 0) reject(failure('fallocate', koffi.errno()));
              else resolve();
            });
          });
        },
      },
    };
  } catch (reason) {
    return { libc: undefined, reason };
  }
}

/** An error as Node makes them, with the system's code. */
function failure(call: string, errno: number): Error & { readonly code: string } {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: ${call} failed`), { code });
}

import { constants } from 'node:os';
import { publishFault } from '../events.ts';
import { FileSystemError } from '../file-system.ts';
import type { RequestScope } from './interrupts.ts';

/** Numbers of the errors of system calls, by name. */
export const { errno: ERRNO } = constants;

/** Name of an error of a system call. */
export type ErrnoName = keyof typeof ERRNO;

/** A refusal for which no file system was asked. */
export class Refusal extends Error {
  readonly code: ErrnoName;

  constructor(code: ErrnoName) {
    super(code);
    this.code = code;
  }
}

/** What a system call returns for an error. Whatever is no answer of a file system is reported as its fault. */
export function errnoOf(error: unknown, scope: Pick<RequestScope, 'interrupted'>): ErrnoName {
  if (error instanceof Refusal) return error.code;
  if (scope.interrupted) return 'EINTR';
  if (error instanceof FileSystemError) return error.code;
  publishFault('file-system', error);
  return 'EIO';
}

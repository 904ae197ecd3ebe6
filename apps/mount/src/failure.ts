/** Exit codes of all commands. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/**
 * A command that ends without success, for a reason that the message explains in full.
 *
 * - `USAGE`: the command line asks for something that is not there (exit 2).
 * - `NO_DAEMON`: no process serves this cache directory.
 * - `DAEMON`: the process that serves it does not answer, or answers with a refusal.
 * - `BACKEND`: a backend can't be used.
 * - `CACHE_BUSY`: the cache belongs to another process.
 * - `MOUNT`: nothing could be mounted or unmounted.
 * - `METRICS`: the metrics address can't be listened on.
 * - `SOCKET`: the control socket can't be made.
 * - `INCOMPLETE`: not everything is in the cache after warming.
 * - `INTERRUPTED`: stopped by a signal.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** See {@link CommandError}. */
export type CommandErrorCode =
  'USAGE' | 'NO_DAEMON' | 'DAEMON' | 'BACKEND' | 'CACHE_BUSY' | 'MOUNT' | 'METRICS' | 'SOCKET' | 'INCOMPLETE' | 'INTERRUPTED';

/** Exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  const code = codeOf(error);
  return code === 'USAGE' || code === 'CONFIG_INVALID' || code === 'CONFIG_UNREADABLE' ? EXIT.usage : EXIT.failed;
}

/** The stable code of an error of ours or of the system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a person needs to read: the message; for an error that no one foresaw, where it came from too. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return [error.message, ...error.errors.map((inner) => `  ${explain(inner)}`)].join('\n');
  return codeOf(error) === undefined ? (error.stack ?? error.message) : error.message;
}

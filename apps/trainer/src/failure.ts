import { TrainerError } from './errors.ts';
import { Interrupted } from './interrupt.ts';

/** Exit codes of all commands; a signal ends with 128 and its number. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

const USAGE_CODES = new Set(['CONFIG_INVALID', 'CONFIG_UNREADABLE', 'ROOT_INVALID']);

/** Exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof TrainerError && USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
}

/** What a person needs to read: the message; for an error that no one foresaw, where it came from too. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : (error.stack ?? error.message);
}

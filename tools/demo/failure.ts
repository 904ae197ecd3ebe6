import { constants } from 'node:os';
import { UsageError } from './options.ts';
import { Interrupted } from './interrupted.ts';

/** Exit code for what ended the demo. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof SuppressedError) return exitCodeOf(error.suppressed);
  if (error instanceof UsageError) return 2;
  if (error instanceof Interrupted) return 128 + constants.signals[error.signal];
  return 1;
}

/** What a person needs to read: the message of an expected error, the stack of any other, and what went wrong while cleaning up. */
export function explain(error: unknown): string {
  if (error instanceof SuppressedError) return `${explain(error.suppressed)}\nwhile cleaning up: ${explain(error.error)}`;
  if (!(error instanceof Error)) return String(error);
  const expected = 'code' in error || error instanceof Interrupted || error instanceof UsageError;
  return expected ? error.message : (error.stack ?? error.message);
}

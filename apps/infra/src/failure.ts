import { Interrupted } from './interrupt.ts';

/** Exit codes of all commands; a signal ends with 128 and its number. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage, or settings that are not valid. */
  usage: 2,
  /** `plan` found something to do; the same number as Terraform's `plan -detailed-exitcode`. */
  changes: 2,
} as const;

/**
 * A command that ends without success, for a reason that the message explains in full.
 *
 * - `USAGE`: the command line or what it names is wrong (exit 2).
 * - `STEP_FAILED`: a step of `run` has failed; its log has been printed.
 * - `NOT_DONE`: what was asked for is only partly done, and the message lists the rest.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: 'USAGE' | 'STEP_FAILED' | 'NOT_DONE';

  constructor(code: CommandError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const USAGE_CODES = new Set(['USAGE', 'INFRA_SETTINGS_INVALID', 'PREFIX_INVALID', 'ACCOUNT_INVALID', 'CONNECTION_STRING_INVALID']);

/** Exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  // What an interruption has led to is told by another error; for the shell it is one all the same.
  if (error instanceof CommandError && error.cause instanceof Interrupted) return error.cause.exitCode;
  return USAGE_CODES.has(codeOf(error) ?? '') ? EXIT.usage : EXIT.failed;
}

/** The stable code of an error of ours, of a library, or of the system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a person needs to read: the message; for an error that no one foresaw, where it came from too. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return [error.message, ...error.errors.map((inner) => `  ${explain(inner)}`)].join('\n');
  return codeOf(error) === undefined ? (error.stack ?? error.message) : error.message;
}

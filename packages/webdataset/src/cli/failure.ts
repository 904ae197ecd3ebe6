import { reasonOf, WebDatasetError } from '../errors.ts';

/** Exit codes of all commands; a signal adds its number to 128, so Ctrl-C gives 130. */
export const EXIT = { done: 0, failed: 1, usage: 2, signal: 128 } as const;

/**
 * Why a command ended without success.
 *
 * - `USAGE`: the command line cannot be meant as it stands (exit 2).
 * - `NO_SUCH_SAMPLE`: the shard has no sample with this key.
 * - `NO_SUCH_FIELD`: the sample has no such field.
 * - `NOTHING_TO_PACK`: the folder has no file that can be part of a sample.
 * - `BAD_FOLDER`: the folder holds files that cannot become samples.
 * - `OUTPUT_EXISTS`: the output folder has shards already.
 * - `INCOMPLETE`: not all shards could be dealt with; each one has its own line.
 * - `INTERRUPTED`: stopped by a signal.
 */
export type CommandErrorCode =
  'USAGE' | 'NO_SUCH_SAMPLE' | 'NO_SUCH_FIELD' | 'NOTHING_TO_PACK' | 'BAD_FOLDER' | 'OUTPUT_EXISTS' | 'INCOMPLETE' | 'INTERRUPTED';

/** A command that ends without success, for a reason that the message explains in full. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  readonly exitCode: number;

  constructor(code: CommandErrorCode, message: string, options: { readonly cause?: unknown; readonly exitCode?: number } = {}) {
    super(message, options);
    this.code = code;
    this.exitCode = options.exitCode ?? (code === 'USAGE' ? EXIT.usage : EXIT.failed);
  }
}

/** Exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof WebDatasetError && error.code === 'WDS_BAD_SPEC' ? EXIT.usage : EXIT.failed;
}

/** What a person needs to read, in one line: code and message; for an error that no one foresaw, where it came from too. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!('code' in error) || typeof error.code !== 'string') return error.stack ?? error.message;
  const text = reasonOf(error);
  // The system's errors begin with their code.
  return text.startsWith(error.code) ? text : `${error.code}: ${text}`;
}

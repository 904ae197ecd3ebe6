import { WebDatasetError, type WebDatasetErrorCode, reasonOf } from '../errors.ts';

/** An error as it crosses a thread boundary, where classes and their fields are lost. */
export interface ErrorRecord {
  readonly code: WebDatasetErrorCode;
  readonly reason: string;
  readonly shard: string | undefined;
  readonly offset: number | undefined;
  readonly key: string | undefined;
}

/** Takes an error apart; what is no {@link WebDatasetError} is a fault of the thread. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof WebDatasetError) {
    const { code, reason, shard, offset, key } = error;
    return { code, reason, shard, offset, key };
  }
  const reason = error instanceof Error ? (error.stack ?? error.message) : reasonOf(error);
  return { code: 'WDS_WORKER', reason, shard: undefined, offset: undefined, key: undefined };
}

/** Puts the error together again. */
export function fromErrorRecord({ code, reason, ...details }: ErrorRecord): WebDatasetError {
  return new WebDatasetError(code, reason, details);
}

/**
 * What went wrong, as stable codes.
 *
 * - `WDS_BAD_SPEC`: a shard specification that cannot be expanded.
 * - `WDS_NO_SHARDS`: nothing to read: an empty list, or no `.tar` below a folder.
 * - `WDS_READ`: the file system, the server or the opener refused to open or read a shard; the original error is the `cause`.
 * - `WDS_CHANGED`: a shard was replaced while it was read, or since it was indexed.
 * - `WDS_SPOOL`: the temporary file for a compressed or streamed shard cannot be written, as when the disk is full.
 * - `WDS_DECOMPRESS`: a gzip or zstd shard is damaged; the offset is that of the uncompressed bytes.
 * - `WDS_WRITE`: the file system refused to write a shard; the original error is the `cause`.
 * - `WDS_NOT_EMPTY`: the folder for new shards holds others, which would be replaced.
 * - `WDS_TRUNCATED`: a shard ends inside a member, or without its end-of-archive marker.
 * - `WDS_BAD_HEADER`: bytes at `offset` that are no tar header (or contradict themselves).
 * - `WDS_UNSUPPORTED`: a well-formed input of a kind that is not read: xz or bzip2, sparse members.
 * - `WDS_DUPLICATE_FIELD`: a sample has the same extension twice.
 * - `WDS_MISSING_FIELD`: a sample lacks a field that the reader needs.
 * - `WDS_DECODE`: the bytes of a field are not what its decoder reads.
 * - `WDS_LABEL`: a label that is not an integer.
 * - `WDS_BAD_SAMPLE`: the writer was given a key or field that would not read back as written.
 * - `WDS_INDEX_REQUIRED`: ranks can only share the samples of shards that have an index.
 * - `WDS_BAD_INDEX`: an index that is malformed, or a shard that the index format cannot hold.
 * - `WDS_UNEQUAL`: the samples cannot be shared equally by all ranks, and `remainder` is `error`.
 * - `WDS_NOT_FOUND`: a shard has no sample with this key or number.
 * - `WDS_TOO_MANY_FAILURES`: more samples or shards could not be used than `maxFailures` allows; the last failure is the `cause`.
 * - `WDS_NO_GOOD_SAMPLES`: an agreed number of samples cannot be delivered, as a whole round over the shards gave none that is good.
 * - `WDS_STATE_MISMATCH`: a state belongs to another data set, other settings, or another version; the message says which.
 * - `WDS_WORKER`: a worker thread died.
 * - `WDS_CLOSED`: the loader or writer is closed, or already busy with another epoch.
 */
export type WebDatasetErrorCode =
  | 'WDS_BAD_SPEC'
  | 'WDS_NO_SHARDS'
  | 'WDS_READ'
  | 'WDS_CHANGED'
  | 'WDS_SPOOL'
  | 'WDS_DECOMPRESS'
  | 'WDS_WRITE'
  | 'WDS_NOT_EMPTY'
  | 'WDS_TRUNCATED'
  | 'WDS_BAD_HEADER'
  | 'WDS_UNSUPPORTED'
  | 'WDS_DUPLICATE_FIELD'
  | 'WDS_MISSING_FIELD'
  | 'WDS_DECODE'
  | 'WDS_LABEL'
  | 'WDS_BAD_SAMPLE'
  | 'WDS_INDEX_REQUIRED'
  | 'WDS_BAD_INDEX'
  | 'WDS_UNEQUAL'
  | 'WDS_NOT_FOUND'
  | 'WDS_TOO_MANY_FAILURES'
  | 'WDS_NO_GOOD_SAMPLES'
  | 'WDS_STATE_MISMATCH'
  | 'WDS_WORKER'
  | 'WDS_CLOSED';

/** Where a {@link WebDatasetError} happened, as far as it is known. */
export interface WebDatasetErrorDetails {
  /** Path of the shard. */
  readonly shard?: string | undefined;
  /** Byte in the shard, counted from 0. */
  readonly offset?: number | undefined;
  /** Key of the sample. */
  readonly key?: string | undefined;
  readonly cause?: unknown;
}

/** A fault of a shard, a sample or the use of the library. The message starts with the place and says what to do. */
export class WebDatasetError extends Error {
  override readonly name: string = 'WebDatasetError';
  readonly code: WebDatasetErrorCode;
  /** The message without the place. */
  readonly reason: string;
  readonly shard: string | undefined;
  readonly offset: number | undefined;
  readonly key: string | undefined;

  constructor(code: WebDatasetErrorCode, reason: string, { shard, offset, key, cause }: WebDatasetErrorDetails = {}) {
    const place = [shard, key === undefined ? undefined : `sample "${key}"`, offset === undefined ? undefined : `at byte ${offset}`];
    const prefix = place.filter((part) => part !== undefined).join(', ');
    super(prefix === '' ? reason : `${prefix}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.shard = shard;
    this.offset = offset;
    this.key = key;
  }
}

/** `WDS_NO_SHARDS`: there is nothing to read. */
export class ShardsNotFoundError extends WebDatasetError {
  override readonly name = 'ShardsNotFoundError';

  constructor(reason: string, details: WebDatasetErrorDetails = {}) {
    super('WDS_NO_SHARDS', reason, details);
  }
}

/** `WDS_TOO_MANY_FAILURES`: more could not be used than is allowed. Place and `cause` are those of the last failure. */
export class TooManyFailuresError extends WebDatasetError {
  override readonly name = 'TooManyFailuresError';
  /** Samples, and rests of shards, that could not be used. */
  readonly failures: number;

  constructor(failures: number, limit: number, last: WebDatasetError) {
    const { shard, key, offset } = last;
    super('WDS_TOO_MANY_FAILURES', `${failures} failures, more than maxFailures (${limit}); the last one: ${last.reason}`, {
      shard,
      key,
      offset,
      cause: last,
    });
    this.failures = failures;
  }
}

/** A one-line reason out of anything that was thrown. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, '; ');
}

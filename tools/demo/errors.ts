/**
 * Why the demo could not do its work.
 *
 * - `DATASET_MISSING`: a data set is not installed.
 * - `DATASET_DAMAGED`: its files are not what they should be.
 * - `PART_FAILED`: a process that the demo started ended by itself or with an error.
 * - `UPLOAD_WRONG`: what the store holds is not what was uploaded.
 * - `LISTING_WRONG`: the mount does not show what was uploaded.
 * - `WARM_INCOMPLETE`: files are not whole in the cache after warming.
 * - `ANSWER_WRONG`: a part answered something that this demo cannot read.
 * - `OUTPUT_CLOSED`: nobody reads the demo's output any more.
 */
export type DemoErrorCode =
  | 'DATASET_MISSING'
  | 'DATASET_DAMAGED'
  | 'PART_FAILED'
  | 'UPLOAD_WRONG'
  | 'LISTING_WRONG'
  | 'WARM_INCOMPLETE'
  | 'ANSWER_WRONG'
  | 'OUTPUT_CLOSED';

/** A failure whose message is meant for the person in front of the terminal. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

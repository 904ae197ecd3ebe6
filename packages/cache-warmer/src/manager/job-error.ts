/**
 * A job cannot be done, however often it is tried.
 *
 * - `JOB_TARGET_UNREACHABLE`: no address gives its target.
 */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly code = 'JOB_TARGET_UNREACHABLE';
}

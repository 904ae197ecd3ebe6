/**
 * Why a message is not a warm job.
 *
 * - `WARM_JOB_TOO_LARGE`: longer than a queue message can be.
 * - `WARM_JOB_NOT_JSON`: neither JSON nor base64 of JSON.
 * - `WARM_JOB_INVALID`: JSON, but not a job; `faults` names every reason.
 */
export type WarmJobErrorCode = 'WARM_JOB_TOO_LARGE' | 'WARM_JOB_NOT_JSON' | 'WARM_JOB_INVALID';

/** One thing that is wrong with a job. */
export interface WarmJobFault {
  /** Key of the value, such as `WarmTargetMountAddresses.0`; empty for the job as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A message that is not a warm job. The message of the error lists every fault. */
export class WarmJobError extends Error {
  override readonly name = 'WarmJobError';
  readonly code: WarmJobErrorCode;
  /** All faults at once; empty unless the code is `WARM_JOB_INVALID`. */
  readonly faults: readonly WarmJobFault[];

  constructor(
    code: WarmJobErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly faults?: readonly WarmJobFault[] } = {},
  ) {
    const faults = options.faults ?? [];
    const lines = faults.map((fault) => `\n  ${fault.path === '' ? 'the job' : fault.path}: ${fault.message}`);
    super(message + lines.join(''), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.faults = faults;
  }
}

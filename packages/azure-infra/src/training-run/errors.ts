/**
 * What a training run can fail with.
 *
 * - `RUN_STEP_FAILED`: a step failed; what it printed was passed on before, or is in the message.
 * - `RUN_STILL_MOUNTED`: the mount could not be taken away at the end.
 */
export type TrainingRunErrorCode = 'RUN_STEP_FAILED' | 'RUN_STILL_MOUNTED';

/** A training run failed; the message says at which step, and what to do where that is known. */
export class TrainingRunError extends Error {
  override readonly name = 'TrainingRunError';
  readonly code: TrainingRunErrorCode;

  constructor(code: TrainingRunErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

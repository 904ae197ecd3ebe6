export type TrainerErrorCode =
  | 'CONFIG_INVALID'
  | 'CONFIG_UNREADABLE'
  | 'ROOT_INVALID'
  | 'TOO_FEW_SAMPLES'
  | 'LABEL_OUT_OF_RANGE'
  | 'CHECKPOINT_MISSING'
  | 'CHECKPOINT_EXISTS'
  | 'CHECKPOINT_CORRUPT'
  | 'CHECKPOINT_MISMATCH'
  | 'FILE_NOT_WRITTEN'
  | 'METRICS_NOT_SERVED'
  | 'ORDER_DIFFERS'
  | 'DIVERGED'
  | 'DEVICE_UNAVAILABLE'
  | 'COMPUTE_FAILED';

/** A fault that the user can mend; the message says how. */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';
  readonly code: TrainerErrorCode;

  constructor(code: TrainerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What the provisioner can fail with.
 *
 * - `INFRA_SETTINGS_INVALID`: the settings are wrong; `faults` names every reason.
 * - `INFRA_NOT_AVAILABLE`: this version cannot do what was asked.
 */
export type InfraErrorCode = 'INFRA_SETTINGS_INVALID' | 'INFRA_NOT_AVAILABLE';

/** One setting that is wrong. */
export interface SettingsFault {
  /** The environment variable that holds the setting. */
  readonly variable: string;
  readonly message: string;
}

/** A failed plan or deployment. The message lists every fault and says what to do. */
export class InfraError extends Error {
  override readonly name = 'InfraError';
  readonly code: InfraErrorCode;
  /** All faults at once; empty unless the code is `INFRA_SETTINGS_INVALID`. */
  readonly faults: readonly SettingsFault[];

  constructor(code: InfraErrorCode, message: string, faults: readonly SettingsFault[] = []) {
    super(message + faults.map((fault) => `\n  ${fault.variable}: ${fault.message}`).join(''));
    this.code = code;
    this.faults = faults;
  }
}

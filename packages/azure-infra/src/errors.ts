/**
 * What the provisioner can fail with.
 *
 * - `INFRA_SETTINGS_INVALID`: the settings are wrong; `faults` names every reason.
 * - `INFRA_GRAPH_INVALID`: resources of a graph do not fit together.
 * - `INFRA_SIGN_IN`: there is no usable credential.
 * - `INFRA_CHECK_FAILED`: the checks before a deployment found what would make it fail.
 * - `INFRA_REPLACE_REFUSED`: something would have to be made anew, and nobody has allowed it.
 * - `INFRA_DEPLOYMENT_ACTIVE`: another deployment of the environment is running.
 * - `INFRA_DEPLOYMENT_FAILED`: Azure could not deploy a resource; the message has its reasons.
 * - `INFRA_DEPLOYMENT_CANCELED`: the deployment was canceled.
 * - `INFRA_PROPAGATION`: a role is assigned and does not work within the time that Azure allows itself.
 * - `INFRA_NOT_PROVISIONED`: there is no such environment, or nothing tells where it is.
 * - `INFRA_OUTPUTS`: the files that tell where the environment is cannot be written, read or used; `faults` names every reason.
 * - `INFRA_INCOMPLETE`: not everything could be deleted.
 * - `INFRA_SSH_KEY_MISSING`: there is no public key that could sign in to the VM.
 * - `INFRA_SSH_KEY_INVALID`: the file has no public key that Azure takes.
 * - `INFRA_CALLER_ADDRESS`: the caller's public address is not known.
 * - `INFRA_PRICES_UNAVAILABLE`: list prices could not be asked.
 */
export type InfraErrorCode =
  | 'INFRA_SETTINGS_INVALID'
  | 'INFRA_GRAPH_INVALID'
  | 'INFRA_SIGN_IN'
  | 'INFRA_CHECK_FAILED'
  | 'INFRA_REPLACE_REFUSED'
  | 'INFRA_DEPLOYMENT_ACTIVE'
  | 'INFRA_DEPLOYMENT_FAILED'
  | 'INFRA_DEPLOYMENT_CANCELED'
  | 'INFRA_PROPAGATION'
  | 'INFRA_NOT_PROVISIONED'
  | 'INFRA_OUTPUTS'
  | 'INFRA_INCOMPLETE'
  | 'INFRA_SSH_KEY_MISSING'
  | 'INFRA_SSH_KEY_INVALID'
  | 'INFRA_CALLER_ADDRESS'
  | 'INFRA_PRICES_UNAVAILABLE';

/** One setting that is wrong. */
export interface SettingsFault {
  /** Where its value comes from: `--vm-size`, `VM_SIZE`, or `warpforge.yaml:3:1`. */
  readonly place: string;
  readonly message: string;
}

/** A plan, a deployment or what follows it has failed. The message says what to do. */
export class InfraError extends Error {
  override readonly name = 'InfraError';
  readonly code: InfraErrorCode;
  /** All faults at once; empty unless the code says that there are some. */
  readonly faults: readonly SettingsFault[];

  constructor(code: InfraErrorCode, message: string, faults: readonly SettingsFault[] = [], options?: { readonly cause?: unknown }) {
    super(message + faults.map((fault) => `\n  ${fault.place}: ${fault.message}`).join(''), options);
    this.code = code;
    this.faults = faults;
  }
}

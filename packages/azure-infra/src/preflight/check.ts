import type { AzureFacts } from './azure-facts.ts';
import type { Finding } from './finding.ts';
import type { PreflightInput } from './preflight-input.ts';

/** What a check finds, without its name. */
export type Fault = Omit<Finding, 'rule'>;

/** One thing that is looked at before a deployment. */
export interface Check {
  readonly rule: string;
  /** What it tells, for the message that it could not: `whether …`. */
  readonly tells: string;
  /** Rejects with an `UnansweredError` when Azure does not answer. */
  run(input: PreflightInput, azure: AzureFacts): Promise<readonly Fault[]>;
}

/** Something that would make the deployment fail. */
export function error(message: string, suggestion: string): Fault {
  return { severity: 'error', message, suggestion };
}

/** Something that may be wrong. */
export function warning(message: string, suggestion: string): Fault {
  return { severity: 'warning', message, suggestion };
}

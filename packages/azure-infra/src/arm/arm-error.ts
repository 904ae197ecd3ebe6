import type { ArmFault } from './resource-manager.ts';

/** Resource Manager has refused or failed a request. */
export class ArmError extends Error {
  override readonly name = 'ArmError';
  readonly code = 'ARM_REQUEST_FAILED';
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** What the service said: `AuthorizationFailed`, `ResourceGroupNotFound`, …; undefined when no answer came. */
  readonly fault: ArmFault | undefined;

  constructor(message: string, options: { readonly status?: number; readonly fault?: ArmFault; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.fault = options.fault;
  }
}

/** Every reason of a fault on a line of its own, the deepest being what a person has to know: `code: message`. */
export function describeFault(fault: ArmFault): string {
  const leaves = (current: ArmFault): ArmFault[] => (current.details.length === 0 ? [current] : current.details.flatMap(leaves));
  const lines = leaves(fault).map(({ code, message }) => `${code}: ${message}`);
  return [...new Set(lines)].join('\n');
}

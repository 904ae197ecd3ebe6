/**
 * What can go wrong between this program and a machine.
 *
 * - `MACHINE_UNREACHABLE`: nothing answers at the address (yet), or the connection was lost.
 * - `MACHINE_REFUSED`: the machine answers and does not let the user in, or it is not the machine that it was.
 * - `MACHINE_COPY_FAILED`: files could not be copied.
 * - `MACHINE_OPTION_INVALID`: an option cannot be passed on safely.
 * - `MACHINE_PROGRAM_MISSING`: a program that is needed here (ssh, scp) is not installed.
 * - `MACHINE_SETUP_FAILED`: a step of the setup failed on the machine.
 */
export type MachineErrorCode =
  | 'MACHINE_UNREACHABLE'
  | 'MACHINE_REFUSED'
  | 'MACHINE_COPY_FAILED'
  | 'MACHINE_OPTION_INVALID'
  | 'MACHINE_PROGRAM_MISSING'
  | 'MACHINE_SETUP_FAILED';

/** A machine could not be used; the message says what to do. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly code: MachineErrorCode;

  constructor(code: MachineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

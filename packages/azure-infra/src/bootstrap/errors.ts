/**
 * What can go wrong while the packages for machines without a registry are made.
 *
 * - `BOOTSTRAP_PACKAGES`: the folder of packages cannot be used.
 * - `BOOTSTRAP_NPM`: npm has failed.
 * - `BOOTSTRAP_INCOMPLETE`: what was made cannot be installed without a registry.
 * - `BOOTSTRAP_CONTAINER`: the container of blobs cannot be used.
 */
export type BootstrapErrorCode = 'BOOTSTRAP_PACKAGES' | 'BOOTSTRAP_NPM' | 'BOOTSTRAP_INCOMPLETE' | 'BOOTSTRAP_CONTAINER';

/** The packages could not be made; the message says what to do. */
export class BootstrapError extends Error {
  override readonly name = 'BootstrapError';
  readonly code: BootstrapErrorCode;

  constructor(code: BootstrapErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A part of a manifest cannot be had.
 *
 * - `MANIFEST_MISSING`: the page is gone; the records of the job were removed.
 * - `MANIFEST_CHANGED`: the page is another one than the message means.
 * - `MANIFEST_INVALID`: it cannot be read by this version.
 */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly code: 'MANIFEST_MISSING' | 'MANIFEST_CHANGED' | 'MANIFEST_INVALID';

  constructor(code: ManifestError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A part of a manifest cannot be had.
 *
 * - `MANIFEST_CHANGED`: the page is gone, or is another one than the message means.
 * - `MANIFEST_INVALID`: it cannot be read by this version.
 */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly code: 'MANIFEST_CHANGED' | 'MANIFEST_INVALID';

  constructor(code: ManifestError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A target cannot be walked at all.
 *
 * - `TARGET_MISSING`: there is no such path.
 * - `TARGET_UNREADABLE`: the path is there and cannot be read.
 */
export class WalkError extends Error {
  override readonly name = 'WalkError';
  readonly code: 'TARGET_MISSING' | 'TARGET_UNREADABLE';

  constructor(code: WalkError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

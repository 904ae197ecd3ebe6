/**
 * The storage of a CacheWarmer cannot be opened as it was asked for; the message says what is allowed.
 *
 * - `PREFIX_INVALID`: no queues and no container can have names with this prefix.
 * - `ACCOUNT_INVALID`: no storage account can have this name.
 * - `CONNECTION_STRING_INVALID`: a connection string that is none.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: 'PREFIX_INVALID' | 'ACCOUNT_INVALID' | 'CONNECTION_STRING_INVALID';

  constructor(code: StorageError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export { AzureBackend, type AzureBackendOptions } from './azure/azure-backend.ts';
export type { AzureAuth } from './azure/credentials.ts';
export type { SecretSource } from './azure/secret-source.ts';
export type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from './backend.ts';
export { BlobError, type BlobErrorCode, type BlobErrorKind } from './errors.ts';
export { CHANNELS, type BytesEvent, type RequestEvent, type TokenEvent } from './events.ts';
export { LocalBackend, type LocalBackendOptions } from './local/local-backend.ts';
export { withRequestEvents } from './request-events.ts';
export { withRetries, type RetryOptions } from './retrying.ts';

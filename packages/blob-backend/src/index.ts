export type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from './backend.ts';
export { BlobError, type BlobErrorCode, type BlobErrorKind } from './errors.ts';

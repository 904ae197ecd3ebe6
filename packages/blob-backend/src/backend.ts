/** A blob as a listing or a property request shows it. */
export interface BlobProperties {
  /** Name inside the backend (the backend's own prefix removed): `/`-separated, without a leading slash. */
  readonly path: string;
  /** Length in bytes. */
  readonly size: number;
  /** Opaque version of the content, in the form of the HTTP header (with quotes). Two reads with one ETag give the same bytes. */
  readonly etag: string;
  /** Time of the last change, in milliseconds since the epoch. */
  readonly lastModifiedMs: number;
}

/** What to list. */
export interface ListOptions {
  /** Only blobs whose path starts with this; `''` lists all. */
  readonly prefix: string;
  /** `'/'` folds what lies below a slash after the prefix into `prefixes`; without it the listing is flat. */
  readonly delimiter?: '/';
  /** Upper bound of entries in one page. Default: the store's own (5,000 on Azure). */
  readonly pageSize?: number;
  /** Where to go on: {@link ListPage.nextMarker} of an earlier listing with the same prefix and delimiter. Default: at the start. */
  readonly marker?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One page of a listing, in the store's order. Pages may be empty. */
export interface ListPage {
  readonly blobs: readonly BlobProperties[];
  /** Folded prefixes, each ending in `/`; empty in a flat listing. */
  readonly prefixes: readonly string[];
  /** An opaque mark of where the next page begins; absent on the last page. */
  readonly nextMarker?: string;
}

/** Which bytes of a blob to read. */
export interface ReadOptions {
  /** First byte, counted from 0. */
  readonly offset: number;
  /** Number of bytes, at least 1; the range must lie inside the blob. */
  readonly length: number;
  /** Read only this version; another one fails with `BLOB_CHANGED`, a deleted blob with that or with `BLOB_NOT_FOUND`. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Read access to one container of an object store: the seam between everything above and any cloud.
 *
 * Every method rejects with a {@link BlobError}, or with the signal's reason when it is aborted. Implementations do not retry;
 * decorators do. Paths are never interpreted: `a//b` is a valid name here.
 */
export interface BlobBackend extends AsyncDisposable {
  /** The configured name, used in messages, metrics and cache records. */
  readonly name: string;
  /** Lists page by page; the next page is asked for only when the consumer wants it. */
  list(options: ListOptions): AsyncIterable<ListPage>;
  /** Properties of one blob; `BLOB_NOT_FOUND` when there is none. */
  stat(path: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<BlobProperties>;
  /**
   * Streams a range. Yields exactly `length` bytes in order, in pieces of any size which the consumer may keep, or fails: a body
   * that is shorter or longer than asked is `BLOB_PROTOCOL`. Leaving the loop early cancels the request.
   */
  read(path: string, options: ReadOptions): AsyncIterable<Uint8Array>;
}

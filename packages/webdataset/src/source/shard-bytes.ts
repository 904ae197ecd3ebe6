/**
 * How to read a shard at random, as plain data that can be sent to a worker thread. `name` is what messages and `__url__` say.
 *
 * A `spooled` one is open already: threads of a process share its descriptor, and it is valid until its owner is disposed of.
 */
export type ShardLocation =
  | { readonly kind: 'file'; readonly name: string; readonly path: string }
  | { readonly kind: 'http'; readonly name: string; readonly url: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'spooled'; readonly name: string; readonly fd: number; readonly size: number };

/** The bytes of one shard, uncompressed, at random. Several reads may be under way. */
export interface ShardBytes extends AsyncDisposable {
  /** What messages and `__url__` call it. */
  readonly name: string;
  /** Length in bytes, after decompression. */
  readonly size: number;
  /** Where another thread finds the same bytes without work; valid as long as this is open. */
  readonly location: ShardLocation;
  /**
   * Fills `target` with the bytes from `position` on, up to the end of the shard, and returns the filled part: a shorter one (or none)
   * only at the end. Files are read at once, blocking the thread; the rest gives a promise.
   *
   * @throws {@link WebDatasetError} `WDS_READ`, `WDS_CHANGED`, `WDS_TRUNCATED`
   */
  read(target: Buffer, position: number): Buffer | Promise<Buffer>;
}

/** Bytes that come one after the other. */
export type ByteStream = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

/**
 * A shard that is neither a file nor at a URL: bytes in memory, a stream, or anything that a function can open.
 *
 * `open` is called once for each pass; it must give the same bytes each time. Where a shard is read at random, its bytes are first
 * copied to a temporary file.
 */
export interface CustomShard {
  /** What it is called in messages, fingerprints and `__url__`; unique in the data set. */
  readonly name: string;
  /** Length in bytes of what `open` gives. Where it is missing, the bytes are read once more to count them. */
  readonly size?: number;
  /** @param options its signal is aborted when nobody wants the bytes any more */
  open(options: { readonly signal?: AbortSignal }): ByteStream | Uint8Array | Promise<ByteStream | Uint8Array>;
}

/** A shard: the path of a file, an `http://` or `https://` URL, or one that the caller opens. Gzip and zstd are recognised by the bytes. */
export type ShardInput = string | CustomShard;

/** True for what is fetched, not opened. */
export function isUrl(shard: string): boolean {
  return /^https?:\/\//i.test(shard);
}

/** What a shard is called in messages and `__url__`: its path, its URL without secrets (user, password, query), or its own name. */
export function shardName(input: ShardInput): string {
  if (typeof input !== 'string') return input.name;
  if (!isUrl(input) || !URL.canParse(input)) return input;
  const { origin, pathname } = new URL(input);
  return origin + pathname;
}

/** The last component of {@link shardName}: the same wherever the data set is mounted. */
export function shardBaseName(input: ShardInput): string {
  const name = shardName(input).replace(/\/+$/, '');
  return name.slice(name.lastIndexOf('/') + 1);
}

import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from '../backend.ts';
import { assertRange, blobChanged, blobNotFound } from '../failures.ts';

/** What was asked of a {@link MemoryBackend} so far. */
export interface MemoryRequests {
  /** Pages listed. */
  list: number;
  stat: number;
  /** Reads begun. */
  read: number;
  /** Content bytes handed out. */
  bytes: number;
}

/** How a {@link MemoryBackend} behaves. */
export interface MemoryBackendOptions {
  /** Default `memory`. */
  readonly name?: string;
  /** Largest piece of a read, in bytes. Default 64 KiB, about what a socket gives. */
  readonly pieceBytes?: number;
  /** Wall clock in milliseconds, for the time of the last change. Default `Date.now`. */
  readonly now?: () => number;
}

interface StoredBlob extends BlobProperties {
  readonly content: Uint8Array;
}

const DEFAULT_PAGE_SIZE = 5000;

/**
 * A container in memory with the behaviour of a real store: entries in order of their names, a new ETag for every `put`, paged
 * listings in which prefixes and blobs count alike. It counts what is asked of it.
 */
export class MemoryBackend implements BlobBackend {
  readonly name: string;
  readonly requests: MemoryRequests = { list: 0, stat: 0, read: 0, bytes: 0 };
  /** Reads that have begun and not ended. */
  openReads = 0;

  readonly #blobs = new Map<string, StoredBlob>();
  readonly #pieceBytes: number;
  readonly #now: () => number;
  #versions = 0;
  #sortedPaths: readonly string[] | undefined;

  constructor({ name = 'memory', pieceBytes = 64 * 1024, now = Date.now }: MemoryBackendOptions = {}) {
    this.name = name;
    this.#pieceBytes = pieceBytes;
    this.#now = now;
  }

  /** Creates or replaces a blob; the content is copied. */
  put(path: string, content: Uint8Array | string): BlobProperties {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
    this.#versions += 1;
    // Stores keep whole seconds.
    const lastModifiedMs = Math.floor(this.#now() / 1000) * 1000;
    const blob = { path, size: bytes.length, etag: `"0x${this.#versions.toString(16).toUpperCase().padStart(15, '0')}"`, lastModifiedMs };
    this.#blobs.set(path, { ...blob, content: bytes });
    this.#sortedPaths = undefined;
    return blob;
  }

  /** Removes a blob; false when there was none. */
  delete(path: string): boolean {
    this.#sortedPaths = undefined;
    return this.#blobs.delete(path);
  }

  async *list({ prefix, delimiter, pageSize = DEFAULT_PAGE_SIZE, marker, signal }: ListOptions): AsyncGenerator<ListPage, void> {
    // A marker is the last name of the page before.
    let after = marker;
    do {
      await turn(signal);
      this.requests.list += 1;
      const page: { blobs: BlobProperties[]; prefixes: string[] } = { blobs: [], prefixes: [] };
      after = this.#fill(page, prefix, delimiter, pageSize, after);
      yield after === undefined ? page : { ...page, nextMarker: after };
    } while (after !== undefined);
  }

  /** Fills one page with what follows `after`; returns the last name on it when more follows. */
  #fill(
    page: { blobs: BlobProperties[]; prefixes: string[] },
    prefix: string,
    delimiter: string | undefined,
    pageSize: number,
    after: string | undefined,
  ): string | undefined {
    const paths = (this.#sortedPaths ??= [...this.#blobs.keys()].sort());
    let last: string | undefined;
    for (let index = lowerBound(paths, after ?? prefix); index < paths.length; index += 1) {
      const path = paths[index] ?? '';
      if (!path.startsWith(prefix)) break;
      const slash = delimiter === undefined ? -1 : path.indexOf(delimiter, prefix.length);
      const entry = slash === -1 ? path : path.slice(0, slash + 1);
      if (entry === last || (after !== undefined && entry <= after)) continue;
      if (page.blobs.length + page.prefixes.length === pageSize) return last;
      last = entry;
      const blob = this.#blobs.get(path);
      if (slash !== -1) page.prefixes.push(entry);
      else if (blob !== undefined) page.blobs.push(propertiesOf(blob));
    }
    return undefined;
  }

  async stat(path: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    await turn(signal);
    this.requests.stat += 1;
    return propertiesOf(this.#find(path));
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const { offset, length, ifMatch, signal } = options;
    await turn(signal);
    this.requests.read += 1;
    const blob = this.#find(path);
    if (ifMatch !== undefined && ifMatch !== blob.etag) throw blobChanged(this.name, path);
    assertRange(this.name, path, options, blob.size);
    this.openReads += 1;
    try {
      for (let from = offset; from < offset + length; from += this.#pieceBytes) {
        const piece = blob.content.slice(from, Math.min(from + this.#pieceBytes, offset + length));
        this.requests.bytes += piece.length;
        yield piece;
        await turn(signal);
      }
    } finally {
      this.openReads -= 1;
    }
  }

  #find(path: string): StoredBlob {
    const blob = this.#blobs.get(path);
    if (blob === undefined) throw blobNotFound(this.name, path);
    return blob;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Index of the first path that is not less than `from`. */
function lowerBound(paths: readonly string[], from: string): number {
  let low = 0;
  let high = paths.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((paths[middle] ?? '') < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function propertiesOf({ path, size, etag, lastModifiedMs }: StoredBlob): BlobProperties {
  return { path, size, etag, lastModifiedMs };
}

/** One turn of the event loop, so that callers meet the interleavings that a network brings. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}

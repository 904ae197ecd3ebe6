import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from '../backend.ts';
import { BlobError } from '../errors.ts';
import { assertRange, blobNotFound, outOfRange } from '../failures.ts';
import type { AzureAuth } from './credentials.ts';
import { ListFormatError, parseListAnswer, quoted } from './list-answer.ts';
import type { RestAnswer, RestClient } from './rest-client.ts';

/** Where the blobs are and how to sign in. */
export interface AzureBackendOptions {
  readonly name: string;
  /** Storage account. */
  readonly account: string;
  readonly container: string;
  /** Serve only what lies below this folder; `train` and `/train/` mean the same. Default: the whole container. */
  readonly prefix?: string | undefined;
  /** Base URL of the account's blob service: `https://HOST`, or `http://HOST:PORT/ACCOUNT` for emulators. Default: `https://ACCOUNT.blob.core.windows.net`. */
  readonly endpoint?: string | undefined;
  readonly auth: AzureAuth;
  /** Longest silence before and within an answer while somebody waits for it, in milliseconds. Default 30,000: a healthy account answers in under one second, a throttled one in a few. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Azure's own limit of entries in one page. */
const MAX_PAGE_SIZE = 5000;

/** Azure's own limit of a blob's name, in characters. */
const MAX_NAME_LENGTH = 1024;

/** A page of 5,000 blobs with names of 1,024 characters, each escaped, stays below it. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/**
 * One container of Azure Blob Storage, or the part of it below a prefix, through the Blob REST API.
 *
 * The Azure SDK is loaded and the secrets are read at the first request; a failure there is that request's, and the next request tries
 * again. Names with `.` or `..` as a part cannot be put into a URL: they are listed, and answer `BLOB_REQUEST` when asked for.
 */
export class AzureBackend implements BlobBackend {
  readonly name: string;
  readonly #options: AzureBackendOptions;
  readonly #prefix: string;
  #client: Promise<RestClient> | undefined;

  constructor(options: AzureBackendOptions) {
    this.name = options.name;
    this.#options = options;
    const folder = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
    this.#prefix = folder === '' ? '' : `${folder}/`;
    if (options.endpoint !== undefined && !/^https?:$/.test(URL.parse(options.endpoint)?.protocol ?? '')) {
      throw new BlobError('BLOB_REQUEST', 'request', this.name, `endpoint "${options.endpoint}" is no http or https URL`);
    }
  }

  async *list({ prefix, delimiter, pageSize = MAX_PAGE_SIZE, marker: start, signal }: ListOptions): AsyncGenerator<ListPage, void> {
    let marker = start;
    do {
      const answer = await this.#listPage(
        {
          restype: 'container',
          comp: 'list',
          prefix: this.#prefix + prefix,
          maxresults: String(Math.min(pageSize, MAX_PAGE_SIZE)),
          ...(delimiter === undefined ? {} : { delimiter }),
          ...(marker === undefined ? {} : { marker }),
        },
        signal,
      );
      marker = answer.nextMarker;
      yield this.#withoutPrefix(answer);
    } while (marker !== undefined);
  }

  async #listPage(query: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<ListPage> {
    const client = await this.#open(signal);
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    using answer = await client.send({ method: 'GET', query, signal });
    for await (const piece of answer.body()) {
      bytes += piece.length;
      if (bytes > MAX_LIST_BYTES) throw this.#protocolError(`a page of the listing is longer than ${MAX_LIST_BYTES} bytes`);
      pieces.push(piece);
    }
    try {
      return parseListAnswer(Buffer.concat(pieces).toString('utf8'));
    } catch (error) {
      if (error instanceof ListFormatError) throw this.#protocolError(`the listing is not in the form of Azure's: ${error.message}`, error);
      throw error;
    }
  }

  #withoutPrefix(page: ListPage): ListPage {
    const cut = this.#prefix.length;
    if (cut === 0) return page;
    const { blobs, prefixes } = page;
    return {
      ...page,
      // A blob with the name of the folder itself has no name inside it.
      blobs: blobs.filter(({ path }) => path.length > cut).map((blob) => ({ ...blob, path: blob.path.slice(cut) })),
      prefixes: prefixes.map((name) => name.slice(cut)),
    };
  }

  async stat(path: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    signal?.throwIfAborted();
    const blob = this.#addressable(path);
    const client = await this.#open(signal);
    using answer = await client.send({ method: 'HEAD', blob, signal });
    // Accounts with a hierarchical namespace answer for their directories as well.
    if (answer.header('x-ms-resource-type') === 'directory') throw blobNotFound(this.name, path);
    const size = Number(answer.header('content-length') ?? NaN);
    const lastModifiedMs = Date.parse(answer.header('last-modified') ?? '');
    const etag = answer.header('etag');
    if (!Number.isSafeInteger(size) || Number.isNaN(lastModifiedMs) || etag === undefined) {
      throw this.#protocolError(`the properties of "${path}" came without Content-Length, Last-Modified or ETag; check the endpoint`);
    }
    return { path, size, etag: quoted(etag), lastModifiedMs };
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const { offset, length, ifMatch, signal } = options;
    signal?.throwIfAborted();
    const blob = this.#addressable(path);
    assertRange(this.name, path, options);
    const client = await this.#open(signal);
    const headers = { 'x-ms-range': `bytes=${offset}-${offset + length - 1}`, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) };
    using answer = await client.send({ method: 'GET', blob, headers, signal });
    this.#checkRange(path, options, answer);
    let received = 0;
    for await (const piece of answer.body()) {
      received += piece.length;
      if (received > length) throw this.#protocolError(`more bytes of "${path}" came than the ${length} asked for`);
      yield piece;
    }
    if (received < length) throw this.#protocolError(`${received} bytes of "${path}" came instead of ${length}`);
  }

  /** The answer must be for the very range and version asked for: caches and proxies in between have been known to differ. */
  #checkRange(path: string, options: ReadOptions, answer: RestAnswer): void {
    const { offset, length, ifMatch } = options;
    const range = answer.header('content-range');
    const [, first, last, size] = /^bytes (\d+)-(-?\d+)\/(\d+)$/.exec(range ?? '') ?? [];
    if (answer.status !== 206 || size === undefined) {
      throw this.#protocolError(`a range of "${path}" was asked for and status ${answer.status} with Content-Range "${range ?? ''}" came`);
    }
    // Azure cuts a range that begins inside the blob off at its end (and Azurite one that begins at its end to "bytes 0--1/0").
    if (offset + length > Number(size)) throw outOfRange(this.name, path, options, Number(size));
    if (Number(first) !== offset || Number(last) !== offset + length - 1) {
      throw this.#protocolError(`bytes ${offset} to ${offset + length - 1} of "${path}" were asked for and "${range ?? ''}" came`);
    }
    const etag = answer.header('etag');
    if (ifMatch !== undefined && (etag === undefined || quoted(etag) !== quoted(ifMatch))) {
      throw this.#protocolError(`version ${ifMatch} of "${path}" was asked for and ${etag ?? 'none'} came`);
    }
  }

  /** The blob's full name, if a URL can carry it to the server unchanged. */
  #addressable(path: string): string {
    const blob = this.#prefix + path;
    if (path === '' || !path.isWellFormed() || blob.length > MAX_NAME_LENGTH) throw blobNotFound(this.name, path);
    if (path.split('/').some((part) => part === '.' || part === '..')) {
      throw new BlobError(
        'BLOB_REQUEST',
        'request',
        this.name,
        `"${path}" has "." or ".." as a part, which no URL can carry; rename the blob`,
      );
    }
    return blob;
  }

  async #open(signal: AbortSignal | undefined): Promise<RestClient> {
    signal?.throwIfAborted();
    if (this.#client === undefined) {
      const { name: backend, account, container, endpoint, auth, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
      const opening = import('./rest-client.ts').then(({ RestClient: Client }) =>
        Client.open({ backend, account, container, endpoint, auth, timeoutMs }),
      );
      this.#client = opening;
      opening.catch(() => {
        if (this.#client === opening) this.#client = undefined;
      });
    }
    return this.#client;
  }

  #protocolError(message: string, cause?: unknown): BlobError {
    return new BlobError('BLOB_PROTOCOL', 'protocol', this.name, message, { cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.[Symbol.dispose]();
  }
}

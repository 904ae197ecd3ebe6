import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { blobHeaders, listXml, OriginError, sendError } from './answers.ts';
import { Listings } from './listings.ts';
import { Network, type NetworkConditions, type OriginFault } from './network.ts';
import { blobPath, openBlob } from './stored-blob.ts';
import { Uploads, type UploadOptions } from './uploads.ts';

/** What to serve, and over what network. */
export interface BlobOriginOptions extends NetworkConditions, Partial<UploadOptions> {
  /** Folder with one folder for each account, and in that one for each container. */
  readonly root: string;
  /** TCP port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number;
}

/** A running origin. Disposing stops it and breaks off what it still sends. */
export interface BlobOrigin extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The `endpoint` of an account. */
  endpoint(account: string): string;
  /** May be changed at any time. */
  readonly conditions: NetworkConditions;
  /** Requests that were let in, and bytes of blobs that were sent. */
  readonly requests: {
    readonly list: number;
    readonly stat: number;
    readonly read: number;
    readonly write: number;
    readonly bytes: number;
  };
  /** Reads that are being answered. */
  readonly openReads: number;
}

/** Ranges up to this length are read at once: see {@link openBlob}. */
const AT_ONCE_BYTES = 128 * 1024;

/** Bytes that are read from disk at a time for longer ranges. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Serves a folder over the part of the Blob REST API that reading needs (List Blobs, Get Blob Properties, Get Blob), and where `uploads`
 * is given that which writing needs (Put Blob, Put Block, Put Block List, Get Block List), as fast as one thread can: for benchmarks, in
 * which an emulator would be what is measured. Every credential is accepted, and none is needed.
 */
export async function startBlobOrigin({ root, port = 0, uploads, checkMd5, ...conditions }: BlobOriginOptions): Promise<BlobOrigin> {
  const taking = uploads === undefined ? undefined : new Uploads(root, { uploads, ...(checkMd5 === undefined ? {} : { checkMd5 }) });
  const origin = new FolderOrigin(root, conditions, taking);
  await origin.listen(port);
  return origin;
}

class FolderOrigin implements BlobOrigin {
  readonly conditions: NetworkConditions;
  readonly requests = { list: 0, stat: 0, read: 0, write: 0, bytes: 0 };
  openReads = 0;
  readonly #root: string;
  readonly #network: Network;
  readonly #listings = new Listings();
  readonly #uploads: Uploads | undefined;
  readonly #server: Server;

  constructor(root: string, conditions: NetworkConditions, uploads: Uploads | undefined) {
    this.#root = root;
    this.#uploads = uploads;
    this.conditions = conditions;
    this.#network = new Network(conditions);
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  }

  endpoint(account: string): string {
    return `${this.url}/${account}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const fault = await this.#network.begin(gone.signal);
      if (fault === 'busy') throw new OriginError(503, 'ServerBusy', { 'retry-after': '1' });
      if (fault === 'error') throw new OriginError(500, 'InternalError');
      const { container, folder, blob, query } = this.#locate(request);
      if (request.method === 'HEAD') this.#stat(folder, blob, response);
      else if (request.method === 'PUT' && this.#uploads !== undefined)
        await this.#write(this.#uploads, folder, blob, query, request, response);
      else if (request.method !== 'GET') throw new OriginError(405, 'UnsupportedHttpVerb');
      else if (query.get('comp') === 'blocklist') this.#blockList(folder, blob, response);
      else if (query.get('comp') === 'list') await this.#list(container, folder, query, response);
      else await this.#read(folder, blob, request, response, gone.signal, fault);
    } catch (error) {
      // A client that has gone is no fault, and an answer that has begun can only be broken off.
      if (response.headersSent || gone.signal.aborted) response.destroy();
      else sendError(response, error instanceof OriginError ? error : new OriginError(500, 'InternalError'));
    }
  }

  #locate(request: IncomingMessage): { container: string; folder: string; blob: string; query: URLSearchParams } {
    const url = new URL(request.url ?? '/', 'http://origin');
    const [account = '', container = '', ...name] = url.pathname.slice(1).split('/').map(decodePart);
    if (![account, container].every((part) => /^[a-z0-9$-]+$/.test(part))) throw new OriginError(400, 'InvalidResourceName');
    return { container, folder: join(this.#root, account, container), blob: name.join('/'), query: url.searchParams };
  }

  async #list(container: string, folder: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
    this.requests.list += 1;
    const xml = listXml(container, await this.#listings.page(folder, query));
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) });
    response.end(xml);
  }

  #stat(folder: string, name: string, response: ServerResponse): void {
    this.requests.stat += 1;
    const uploaded = this.#uploads?.find(blobPath(folder, name) ?? '');
    if (uploaded !== undefined) {
      const md5 = uploaded.md5 === undefined ? {} : { 'content-md5': uploaded.md5 };
      response.writeHead(200, { ...blobHeaders(uploaded), ...md5, 'content-length': uploaded.size });
    } else {
      using blob = openBlob(folder, name);
      response.writeHead(200, { ...blobHeaders(blob), 'content-length': blob.size });
    }
    response.end();
  }

  async #write(
    uploads: Uploads,
    folder: string,
    name: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.requests.write += 1;
    const path = blobPath(folder, name);
    if (path === undefined) throw new OriginError(400, 'InvalidUri');
    const comp = query.get('comp') ?? '';
    if (comp === 'block') {
      await uploads.putBlock(path, query.get('blockid') ?? '', request);
      response.writeHead(201, { 'content-length': 0 });
    } else if (comp === '' || comp === 'blocklist') {
      const blob = await (comp === '' ? uploads.putBlob(path, request) : uploads.putBlockList(path, request));
      response.writeHead(201, { ...blobHeaders(blob), 'content-length': 0 });
    } else throw new OriginError(400, 'InvalidQueryParameterValue');
    response.end();
  }

  #blockList(folder: string, name: string, response: ServerResponse): void {
    const xml = this.#uploads?.blockListXml(blobPath(folder, name) ?? '');
    if (xml === undefined) throw new OriginError(404, 'BlobNotFound');
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(xml) });
    response.end(xml);
  }

  async #read(
    folder: string,
    name: string,
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
    fault: OriginFault['kind'] | undefined,
  ): Promise<void> {
    this.requests.read += 1;
    using blob = openBlob(folder, name);
    const ifMatch = request.headers['if-match'];
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== blob.etag) throw new OriginError(412, 'ConditionNotMet');
    const range = readRange(request, blob.size);
    const { offset, length } = range ?? { offset: 0, length: blob.size };
    response.writeHead(range === undefined ? 200 : 206, {
      ...blobHeaders(blob),
      'content-length': length,
      ...(range === undefined ? {} : { 'content-range': `bytes ${offset}-${offset + length - 1}/${blob.size}` }),
    });
    this.openReads += 1;
    try {
      const pieceBytes = this.#network.pieceBytes(PIECE_BYTES);
      const pieces =
        length <= Math.min(AT_ONCE_BYTES, pieceBytes) ? [blob.readNow(offset, length)] : blob.stream(offset, length, pieceBytes);
      let unsent = length;
      let left = fault === undefined ? Infinity : Math.floor(length / 2);
      for await (const piece of pieces) {
        await this.#network.send(piece.length, signal);
        this.requests.bytes += piece.length;
        unsent -= piece.length;
        if (!response.write(piece.subarray(0, left))) await once(response, 'drain', { signal });
        left -= piece.length;
        if (left <= 0) await breakOff(fault, response, signal);
      }
      // The file has become shorter than the answer said.
      if (unsent > 0) response.destroy();
      else response.end();
    } finally {
      this.openReads -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
    await this.#uploads?.[Symbol.asyncDispose]();
  }
}

async function breakOff(fault: OriginFault['kind'] | undefined, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (fault === 'reset') response.socket?.resetAndDestroy();
  // A stall ends when the client loses patience.
  if (!signal.aborted) await once(signal, 'abort');
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new OriginError(400, 'InvalidUri', {}, cause);
  }
}

/** The range asked for, cut off at the end of the blob; undefined when the whole blob is wanted. */
function readRange(request: IncomingMessage, size: number): { offset: number; length: number } | undefined {
  const header = request.headers['x-ms-range'] ?? request.headers.range;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(String(header ?? '')) ?? [];
  if (first === undefined) return undefined;
  const offset = Number(first);
  const end = last === undefined || last === '' ? size : Math.min(Number(last) + 1, size);
  if (offset >= size || end <= offset) throw new OriginError(416, 'InvalidRange', { 'content-range': `bytes */${size}` });
  return { offset, length: end - offset };
}

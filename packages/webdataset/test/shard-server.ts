/** A real HTTP server of bytes in memory that misbehaves on request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one request; the next one gets the next fault, and those after the last one are served. */
export type Fault =
  /** Sends this many bytes of the body, then breaks the connection. */
  | { readonly kind: 'drop'; readonly after: number }
  /** Sends this many bytes of the body, then nothing. */
  | { readonly kind: 'stall'; readonly after: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string> };

export interface Served {
  bytes: Buffer;
  etag?: string;
  lastModified?: string;
  /** False: the whole file, whatever range is asked for. */
  ranges?: boolean;
  /** Leaves out `Content-Length`. */
  chunked?: boolean;
  contentEncoding?: string;
  /** `If-Match` is not looked at, as by simple servers. */
  ignoresConditions?: boolean;
  faults?: Fault[];
}

export class ShardServer implements AsyncDisposable {
  readonly files = new Map<string, Served>();
  /** Method, path and range of each request, in order. */
  readonly requests: { readonly path: string; readonly range: string | undefined; readonly headers: IncomingMessage['headers'] }[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<ShardServer> {
    const server = new ShardServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** Puts a file up; returns its URL. */
  serve(path: string, served: Served): string {
    this.files.set(path, served);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  get connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    const { range } = request.headers;
    this.requests.push({ path, range, headers: request.headers });
    const file = this.files.get(path);
    if (file === undefined) {
      response.writeHead(404).end('no such file');
      return;
    }
    const fault = file.faults?.shift();
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, fault.headers).end('an error page');
      return;
    }
    const { bytes, etag, lastModified } = file;
    const headers: Record<string, string> = {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
      ...(file.contentEncoding === undefined ? {} : { 'content-encoding': file.contentEncoding }),
    };
    const wanted = request.headers['if-match'];
    if (wanted !== undefined && wanted !== etag && file.ignoresConditions !== true) {
      response.writeHead(412).end();
      return;
    }
    const asked = file.ranges === false ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    if (asked === null) {
      if (file.chunked !== true) headers['content-length'] = String(bytes.length);
      this.#send(response.writeHead(200, headers), bytes, fault);
      return;
    }
    const start = Number(asked[1]);
    const end = Math.min(asked[2] === '' ? Infinity : Number(asked[2]) + 1, bytes.length);
    if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    headers['content-range'] = `bytes ${start}-${end - 1}/${bytes.length}`;
    headers['content-length'] = String(end - start);
    this.#send(response.writeHead(206, headers), bytes.subarray(start, end), fault);
  }

  #send(response: ServerResponse, body: Buffer, fault: Exclude<Fault, { kind: 'status' }> | undefined): void {
    if (fault === undefined) response.end(body);
    else if (fault.kind === 'stall') response.write(body.subarray(0, fault.after));
    else response.write(body.subarray(0, fault.after), () => response.destroy());
  }
}

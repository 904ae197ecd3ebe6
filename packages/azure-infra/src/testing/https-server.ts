import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Certificate } from './certificate.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './http.ts';

/** A server on 127.0.0.1. Disposing stops it and cuts its connections, whatever they are doing. */
export interface HttpsServer extends AsyncDisposable {
  readonly port: number;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
}

/** How to serve. */
export interface HttpsServerOptions {
  readonly certificate: Pick<Certificate, 'cert' | 'key'>;
  readonly listener: RequestListener;
  /** TCP port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number;
}

/** Resource Manager takes templates of up to 4 MB. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

/** Serves over HTTPS on loopback. Rejects when the port is taken. */
export async function startHttpsServer({ certificate, listener, port = 0 }: HttpsServerOptions): Promise<HttpsServer> {
  const server = createServer({ cert: certificate.cert, key: certificate.key }, listener);
  // Not closeAllConnections: that knows a connection only once its TLS handshake is done.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port');
  return {
    port: address.port,
    url: `https://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Sends each request to the handler with the longest prefix of its path; `/` takes the rest. */
export function handlersByPrefix(handlers: Readonly<Record<string, HttpHandler>>): HttpHandler {
  const byLength = Object.entries(handlers).sort(([a], [b]) => b.length - a.length);
  return (request) => {
    const { pathname } = new URL(request.url);
    const handler = byLength.find(([prefix]) => pathname.startsWith(prefix))?.[1];
    return handler === undefined ? Promise.resolve({ status: 404, headers: {}, body: '' }) : handler(request);
  };
}

/** Serves a handler: its requests have been received as a whole, up to 8 MiB. */
export function listenerOf(handler: HttpHandler): RequestListener {
  return (request, response) => {
    answer(handler, request).then(
      ({ status, headers, body }) => sendWhole(response, status, headers, body),
      // The client went away in the middle of its request, or the handler broke its promise: there is no answer to give.
      () => response.destroy(),
    );
  };
}

async function answer(handler: HttpHandler, request: IncomingMessage): Promise<HttpResponse> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_LIMIT_BYTES) return { status: 413, headers: { connection: 'close' }, body: '' };
    pieces.push(piece);
  }
  return handler(toHttpRequest(request, Buffer.concat(pieces).toString('utf8')));
}

function toHttpRequest(request: IncomingMessage, body: string): HttpRequest {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]);
  return {
    method: request.method ?? 'GET',
    url: `https://${request.headers.host ?? '127.0.0.1'}${request.url ?? '/'}`,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body,
  };
}

function sendWhole(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, headers);
  response.end(body);
}

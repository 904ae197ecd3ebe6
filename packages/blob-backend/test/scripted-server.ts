import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A server that answers as the test says. */
export interface ScriptedServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
  /** TCP connections so far. */
  readonly connections: number;
  /** TCP connections now. */
  open(): Promise<number>;
}

/** Starts a server on a free port. */
export async function serve(listener: RequestListener, tls?: { key: string; cert: string }): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const handle: RequestListener = (request, response) => {
    requests.push(request);
    listener(request, response);
  };
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections;
    },
    open: () => new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count)))),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

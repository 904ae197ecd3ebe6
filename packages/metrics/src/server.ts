import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { HealthChecks } from './health.ts';
import type { MetricRegistry } from './registry.ts';

/**
 * Why the server could not listen.
 *
 * - `METRICS_ADDRESS_IN_USE`: another process listens there.
 * - `METRICS_LISTEN`: anything else, such as an address that is not this machine's or a port that needs root.
 */
export class MetricsServerError extends Error {
  override readonly name = 'MetricsServerError';
  readonly code: 'METRICS_ADDRESS_IN_USE' | 'METRICS_LISTEN';

  constructor(code: 'METRICS_ADDRESS_IN_USE' | 'METRICS_LISTEN', message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Where to listen and what to answer. */
export interface MetricsServerOptions {
  /** Address or name of the interface, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly registry: MetricRegistry;
  readonly health: HealthChecks;
}

/** HTTP server of `GET /metrics` (Prometheus text) and `GET /healthz` (JSON; 200 when all is well, else 503). */
export class MetricsServer implements AsyncDisposable {
  /** `http://host:port`, with the real port. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Starts listening; rejects with a {@link MetricsServerError}. */
  static async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    const { host, port, registry, health } = options;
    const server = createServer((request, response) => {
      answer(request, response, registry, health).catch((error: unknown) => {
        // The response may be half sent; closing it is then the only way to say so.
        if (response.headersSent) response.destroy();
        else send(response, 500, 'text/plain; charset=utf-8', `${error instanceof Error ? error.message : String(error)}\n`);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      throw listenError(error, host, port);
    });
    // The endpoint never keeps a process alive that has nothing else to do.
    server.unref();
    const address = server.address();
    const boundPort = typeof address === 'object' && address !== null ? address.port : port;
    return new MetricsServer(server, `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`);
  }

  /** Stops listening and ends open connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, registry: MetricRegistry, health: HealthChecks): Promise<void> {
  const [path] = (request.url ?? '/').split('?', 1);
  if (path !== '/metrics' && path !== '/healthz') {
    send(response, 404, 'text/plain; charset=utf-8', 'There are /metrics and /healthz.\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, 405, 'text/plain; charset=utf-8', 'Only GET and HEAD.\n');
  } else if (path === '/metrics') {
    send(response, 200, registry.contentType, await registry.expose());
  } else {
    const report = await health.run();
    send(response, report.status === 'ok' ? 200 : 503, 'application/json', `${JSON.stringify(report)}\n`);
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function listenError(error: unknown, host: string, port: number): MetricsServerError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return new MetricsServerError('METRICS_ADDRESS_IN_USE', `${host}:${port} is in use by another process`, error);
  const why = error instanceof Error ? error.message : String(error);
  return new MetricsServerError('METRICS_LISTEN', `cannot listen on ${host}:${port}: ${why}`, error);
}

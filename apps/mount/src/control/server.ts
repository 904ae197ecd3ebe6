import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { codeOf, CommandError, explain } from '../failure.ts';
import { warmRequestSchema, type Refusal, type Stats, type Status, type WarmEvent } from './protocol.ts';
import { prepareSocketPath } from './socket-path.ts';

/** A request is a few options; more is a mistake. */
const LARGEST_REQUEST_BYTES = 64 * 1024;

/** What the owner of a cache does for others. */
export interface ControlledProcess {
  status(): Status;
  stats(): Stats;
  /** Warms and tells how it goes. Rejects with a {@link CommandError} that has a code, or with the signal's reason. */
  warm(request: z.output<typeof warmRequestSchema>, emit: (event: WarmEvent) => void, signal: AbortSignal): Promise<void>;
  /** Ends the process; returns at once. */
  stop(): void;
}

/** Serves the protocol of `protocol.ts` on a Unix socket that only its owner (and root) can use. */
export class ControlServer implements AsyncDisposable {
  readonly socketPath: string;
  readonly #server: Server;
  readonly #abort: AbortController;

  private constructor(socketPath: string, server: Server, abort: AbortController) {
    this.socketPath = socketPath;
    this.#server = server;
    this.#abort = abort;
  }

  /** Listens. The caller owns the cache directory, so a socket that is there already is one of a dead owner and is replaced. */
  static async listen(cacheDirectory: string, controlled: ControlledProcess): Promise<ControlServer> {
    const abort = new AbortController();
    const server = createServer((request, response) => {
      answer(request, response, controlled, abort.signal).catch((error: unknown) => refuse(response, 500, 'INTERNAL', String(error)));
    });
    // A warm-up takes as long as it takes.
    server.requestTimeout = 0;
    try {
      const socketPath = await prepareSocketPath(cacheDirectory);
      await rm(socketPath, { force: true });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(socketPath, resolve);
      });
      await chmod(socketPath, 0o600);
      return new ControlServer(socketPath, server, abort);
    } catch (error) {
      server.close();
      const hint = 'Choose a cache.path that is short and that this user can write to';
      throw new CommandError('SOCKET', `cannot make the control socket of ${cacheDirectory}: ${explain(error)}. ${hint}`, { cause: error });
    }
  }

  /** Stops what was asked for, closes connections and removes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new CommandError('INTERRUPTED', 'the daemon is stopping'));
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    // Answers under way get their last line out; whoever does not read is not waited for.
    const timer = setTimeout(() => this.#server.closeAllConnections(), LAST_LINE_MS);
    await closed;
    clearTimeout(timer);
    await rm(this.socketPath, { force: true });
  }
}

/** Time for the last line of an answer, out of the 3 s that the whole stop may take. */
const LAST_LINE_MS = 300;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  controlled: ControlledProcess,
  stopping: AbortSignal,
): Promise<void> {
  const route = `${request.method ?? ''} ${request.url ?? ''}`;
  switch (route) {
    case 'GET /v1/status':
      reply(response, 200, controlled.status());
      break;
    case 'GET /v1/stats':
      reply(response, 200, controlled.stats());
      break;
    case 'POST /v1/warm':
      await warm(request, response, controlled, stopping);
      break;
    case 'POST /v1/stop':
      reply(response, 202, {});
      controlled.stop();
      break;
    default:
      refuse(response, 404, 'NO_SUCH_REQUEST', `there is no ${route}`);
  }
}

async function warm(
  request: IncomingMessage,
  response: ServerResponse,
  controlled: ControlledProcess,
  stopping: AbortSignal,
): Promise<void> {
  const parsed = warmRequestSchema.safeParse(await readJson(request));
  if (!parsed.success) {
    refuse(response, 400, 'BAD_REQUEST', z.prettifyError(parsed.error));
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort(new CommandError('INTERRUPTED', 'the client has gone')));
  const emit = (event: WarmEvent): void => {
    // Progress is worth nothing later: a client that does not keep up misses some.
    if (event.type === 'progress' && response.writableNeedDrain) return;
    if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    response.write(`${JSON.stringify(event)}\n`);
  };
  try {
    await controlled.warm(parsed.data, emit, AbortSignal.any([gone.signal, stopping]));
  } catch (error) {
    if (!response.writableEnded)
      emit({ type: 'error', code: codeOf(error) ?? 'INTERNAL', message: error instanceof Error ? error.message : String(error) });
  }
  response.end();
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    body += String(chunk);
    if (body.length > LARGEST_REQUEST_BYTES) return undefined;
  }
  try {
    return JSON.parse(body);
  } catch {
    // Not JSON: the schema refuses it like any other wrong request.
    return undefined;
  }
}

function reply(response: ServerResponse, status: number, body: Status | Stats | Refusal | Record<string, never>): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  if (response.headersSent) response.destroy();
  else reply(response, status, { error: { code, message } });
}

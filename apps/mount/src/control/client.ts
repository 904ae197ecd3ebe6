import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { z } from 'zod';
import { codeOf, CommandError } from '../failure.ts';
import {
  refusalSchema,
  statsSchema,
  statusSchema,
  warmEventSchema,
  type Stats,
  type Status,
  type WarmEvent,
  type WarmRequest,
} from './protocol.ts';
import { findSocketPath } from './socket-path.ts';

/** A living owner answers these from memory. */
const ANSWER_LIMIT_MS = 5_000;

/** Talks to the process that owns a cache directory. */
export class ControlClient {
  readonly #cacheDirectory: string;

  constructor(cacheDirectory: string) {
    this.#cacheDirectory = cacheDirectory;
  }

  /** Rejects with `NO_DAEMON` when nobody serves the directory; so do all other methods. */
  async status(): Promise<Status> {
    return this.#json('GET', '/v1/status', statusSchema);
  }

  async stats(): Promise<Stats> {
    return this.#json('GET', '/v1/stats', statsSchema);
  }

  /** Asks the owner to end; returns when it has taken note, not when it has ended. */
  async stop(): Promise<void> {
    const response = await this.#send('POST', '/v1/stop', undefined, AbortSignal.timeout(ANSWER_LIMIT_MS));
    if (response.statusCode !== 202) throw refusalOf(response, await text(response));
    response.resume();
  }

  /** Warms through the owner; ends with the event `done` or rejects. An abort of the signal stops the owner's work too. */
  async *warm(options: WarmRequest, signal: AbortSignal): AsyncIterable<WarmEvent> {
    const response = await this.#send('POST', '/v1/warm', options, signal);
    if (response.statusCode !== 200) throw refusalOf(response, await text(response));
    try {
      for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
        const event = warmEventSchema.parse(JSON.parse(line));
        if (event.type === 'error') throw new CommandError('DAEMON', event.message);
        yield event;
        if (event.type === 'done') return;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      response.destroy();
    }
    signal.throwIfAborted();
    throw new CommandError('DAEMON', 'the daemon ended before the cache was warm');
  }

  async #json<Schema extends z.ZodType>(method: string, path: string, schema: Schema): Promise<z.output<Schema>> {
    const response = await this.#send(method, path, undefined, AbortSignal.timeout(ANSWER_LIMIT_MS));
    const body = await text(response);
    if (response.statusCode !== 200) throw refusalOf(response, body);
    return schema.parse(JSON.parse(body));
  }

  async #send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> {
    const socketPath = await findSocketPath(this.#cacheDirectory).catch((error: unknown) => {
      throw this.#connectError(error);
    });
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, method, path, signal, headers: { Host: 'localhost' } }, resolve);
      outgoing.once('error', (error) => reject(this.#connectError(error, signal)));
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #connectError(error: unknown, signal?: AbortSignal): Error {
    const directory = this.#cacheDirectory;
    switch (codeOf(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
      case 'ECONNREFUSED':
        return new CommandError('NO_DAEMON', `no warpdrive serves the cache ${directory}. Start one with: warpdrive serve`, {
          cause: error,
        });
      case 'EACCES':
      case 'EPERM':
        return new CommandError('DAEMON', `the cache ${directory} belongs to another user; run this as that user or as root`, {
          cause: error,
        });
      default:
        if (signal?.reason instanceof Error && signal.reason.name === 'TimeoutError') {
          return new CommandError('DAEMON', `the warpdrive that serves the cache ${directory} does not answer`, { cause: error });
        }
        if (signal?.reason instanceof Error) return signal.reason;
        return new CommandError('DAEMON', `cannot talk to the warpdrive that serves ${directory}: ${String(error)}`, { cause: error });
    }
  }
}

function refusalOf(response: IncomingMessage, body: string): CommandError {
  try {
    return new CommandError('DAEMON', refusalSchema.parse(JSON.parse(body)).error.message);
  } catch (error) {
    return new CommandError('DAEMON', `the daemon answered ${response.statusCode ?? 0}: ${body}`, { cause: error });
  }
}

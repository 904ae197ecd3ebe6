import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  type HttpClient,
  type Pipeline,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { openAccess, type Access, type AccessRequest } from './credentials.ts';
import { answerError, timeoutError, transportError, type ErrorContext } from './errors.ts';
import { SilenceTimer } from './silence-timer.ts';

/** A request to one container. */
export interface RestRequest {
  readonly method: 'GET' | 'HEAD';
  /** Name of the blob; absent for the container itself. */
  readonly blob?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** A successful answer. Its body must be read or disposed of. */
export interface RestAnswer extends Disposable {
  readonly status: number;
  header(name: string): string | undefined;
  /** The body as it comes, once. Leaving the loop ends the request. */
  body(): AsyncGenerator<Uint8Array, void>;
}

/** What a {@link RestClient} is for. */
export interface RestClientOptions extends AccessRequest {
  readonly container: string;
  /** Longest silence, in milliseconds. */
  readonly timeoutMs: number;
}

/** A version that every Azure cloud and Azurite speak; nothing newer is needed. */
const API_VERSION = '2023-11-03';

/** More than the 32 parallel fetches of a cache and the look-ups beside them; beyond it requests wait their turn. */
const MAX_SOCKETS = 128;

/** Idle sockets go before Azure's load balancer drops them silently (after 4 minutes). */
const IDLE_SOCKET_MS = 60_000;

const ANY_STATUS = new Set([Number.POSITIVE_INFINITY]);

/** Error bodies are some hundred bytes; for a longer one a new socket is cheaper than reading it. */
const DRAINED_ERROR_BYTES = 64 * 1024;

/**
 * Sends requests to one container: signs them, watches for silence, and turns every failure into a BlobError.
 *
 * It speaks through the HTTP and token layers of the Azure SDK (`core-rest-pipeline`, `identity`) and leaves out the generated storage
 * client above them. Through that client a read of 4 KiB takes 216 µs of processor time instead of 91, and a page of 5,000 listed blobs
 * 300 ms instead of 9, on the thread that serves all reads (Node 24, one core of a cloud VM).
 */
export class RestClient implements Disposable {
  readonly #options: RestClientOptions;
  readonly #access: Access;
  readonly #pipeline: Pipeline = createEmptyPipeline();
  readonly #http: HttpClient = createDefaultHttpClient();
  readonly #agent: HttpAgent | HttpsAgent;

  /** Reads the secrets and makes the credential; see {@link openAccess}. */
  static async open(options: RestClientOptions): Promise<RestClient> {
    return new RestClient(options, await openAccess(options));
  }

  private constructor(options: RestClientOptions, access: Access) {
    this.#options = options;
    this.#access = access;
    if (access.policy !== undefined) this.#pipeline.addPolicy(access.policy, { phase: 'Sign' });
    const { protocol, hostname } = new URL(access.endpoint);
    const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    // HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold for remote hosts.
    const agentOptions = isLoopback(hostname) ? sockets : { ...sockets, proxyEnv: process.env };
    this.#agent = protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  }

  /** Sends one request; rejects with a BlobError, or with the signal's reason. */
  async send(request: RestRequest): Promise<RestAnswer> {
    const { method, blob, headers = {}, signal } = request;
    const context = this.#context(blob);
    const timer = new SilenceTimer(this.#options.timeoutMs, signal);
    try {
      const pipelineRequest = createPipelineRequest({
        url: this.#url(request),
        method,
        headers: createHttpHeaders({ 'x-ms-version': API_VERSION, ...headers }),
        allowInsecureConnection: true,
        streamResponseStatusCodes: ANY_STATUS,
        abortSignal: timer.signal,
      });
      pipelineRequest.agent = this.#agent;
      timer.wait();
      const response = await timer.race(this.#pipeline.sendRequest(this.#http, pipelineRequest));
      timer.pause();
      const header = (name: string): string | undefined => response.headers.get(name);
      if (response.status !== 200 && response.status !== 206) {
        drain(response);
        throw answerError(context, response.status, header);
      }
      return {
        status: response.status,
        header,
        body: () => this.#body(response, timer, context, signal),
        [Symbol.dispose]: () => {
          timer[Symbol.dispose]();
          destroy(response);
        },
      };
    } catch (error) {
      timer[Symbol.dispose]();
      throw this.#failure(error, timer, context, signal);
    }
  }

  async *#body(
    response: PipelineResponse,
    timer: SilenceTimer,
    context: ErrorContext,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    try {
      timer.wait();
      for await (const piece of response.readableStreamBody ?? []) {
        timer.pause();
        // The stream gives buffers: no encoding was set on it.
        if (typeof piece === 'string') throw new TypeError('a text piece in a binary body');
        yield piece;
        signal?.throwIfAborted();
        timer.wait();
      }
    } catch (error) {
      throw this.#failure(error, timer, context, signal);
    } finally {
      timer[Symbol.dispose]();
      destroy(response);
    }
  }

  #failure(error: unknown, timer: SilenceTimer, context: ErrorContext, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return signal.reason;
    return timer.expired ? timeoutError(context, this.#options.timeoutMs) : transportError(context, error);
  }

  #url({ blob, query = {} }: RestRequest): string {
    const path = [this.#options.container, ...(blob === undefined ? [] : blob.split('/'))].map(encodeURIComponent).join('/');
    const parameters = new URLSearchParams(query).toString();
    const all = [parameters, this.#access.sas ?? ''].filter((part) => part !== '').join('&');
    return `${this.#access.endpoint}/${path}${all === '' ? '' : `?${all}`}`;
  }

  #context(blob: string | undefined): ErrorContext {
    const { backend, account, container, auth } = this.#options;
    return { backend, account, container, endpoint: this.#access.endpoint, method: auth.method, blob };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Reads the body of an error to its end, so that the socket can be used again. */
function drain(response: PipelineResponse): void {
  let bytes = 0;
  response.readableStreamBody
    // An error that breaks off is still that error.
    ?.on('error', () => undefined)
    .on('data', (piece: Uint8Array) => {
      bytes += piece.length;
      if (bytes > DRAINED_ERROR_BYTES) destroy(response);
    });
}

function destroy(response: PipelineResponse): void {
  if (response.readableStreamBody instanceof Readable) response.readableStreamBody.destroy();
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || hostname.startsWith('127.');
}

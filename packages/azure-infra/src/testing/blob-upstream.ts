import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { issueToken } from './tokens.ts';

/** The blob server behind a gate: one account of an Azurite that serves HTTPS with `--oauth basic`. */
export interface BlobUpstreamOptions {
  /** `https://127.0.0.1:PORT/ACCOUNT` */
  readonly url: string;
  /** Its certificate, PEM. */
  readonly certificate: string;
}

/** A request to pass on, and how far. */
export interface ForwardedRequest {
  readonly account: string;
  readonly container: string;
  /** What follows the container in the request's target, query included. */
  readonly rest: string;
  /** Whether a list of blobs is asked for: its answer names account and container. */
  readonly isListing: boolean;
  /** The client's connection is cut once more than so many bytes have passed of what it downloads or uploads, at the latest at the end. */
  readonly cutAfterBytes?: number;
  /** Told of the answer's status when it is about to be sent. */
  readonly onAnswer: (status: number) => void;
}

/** These belong to one connection, or tell who asks: the gate has its own. */
const NOT_PASSED_ON = ['authorization', 'connection', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade'];

/** A token a request, which must only outlast the request's beginning. */
const TOKEN_LIFE_MS = 60 * 60 * 1000;
/** Whose requests they are does not matter to the upstream: it lets everybody do everything. */
const GATE = '00000000-0000-4000-8000-000000000000';

/**
 * Holds the containers of any number of accounts in the one account of an upstream, under names of their own, and passes requests on to
 * them. Bodies are streamed; headers keep their case, on which the names of metadata depend.
 */
export class BlobUpstream implements Disposable {
  readonly #url: URL;
  readonly #agent: Agent;
  /** The last change of each container, for which its requests wait. */
  readonly #changes = new Map<string, Promise<void>>();

  constructor({ url, certificate }: BlobUpstreamOptions) {
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, ca: certificate });
  }

  /** Makes a container; nothing happens when it is there. */
  createContainer(account: string, container: string): Promise<void> {
    return this.#change('PUT', account, container, [201, 409]);
  }

  /** Deletes a container with its blobs; nothing happens when there is none. */
  deleteContainer(account: string, container: string): Promise<void> {
    return this.#change('DELETE', account, container, [202, 404]);
  }

  /** Passes a request on and its answer back. Rejects when either side went away. */
  async forward(request: IncomingMessage, response: ServerResponse, forwarded: ForwardedRequest): Promise<void> {
    const { account, container, rest, isListing, cutAfterBytes, onAnswer } = forwarded;
    const { socket, method = 'GET' } = request;
    const downloads = method === 'GET' || method === 'HEAD';
    const name = upstreamName(account, container);
    await this.#changes.get(name);
    const cut = cutAfterBytes === undefined ? [] : [cutting(cutAfterBytes, socket)];
    const sent = this.#request(method, `/${name}${rest}`, passedOn(request.rawHeaders, []));
    const sendBack = async (): Promise<void> => {
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      const status = answer.statusCode ?? 500;
      const listing = status === 200 && isListing;
      onAnswer(status);
      response.writeHead(status, answer.statusMessage ?? '', passedOn(answer.rawHeaders, listing ? ['content-length'] : []));
      const rename = listing ? [renaming(account, container)] : [];
      await pipeline([answer, ...rename, ...(downloads ? cut : []), response]);
    };
    await Promise.all([pipeline([request, ...(downloads ? [] : cut), sent]), sendBack()]);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #change(method: string, account: string, container: string, expected: readonly number[]): Promise<void> {
    const name = upstreamName(account, container);
    const before = this.#changes.get(name);
    const change = (async () => {
      await before?.catch(() => undefined);
      const sent = this.#request(method, `/${name}?restype=container`, ['host', this.#url.host, 'content-length', '0']);
      sent.end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.resume();
      if (expected.includes(answer.statusCode ?? 0)) return;
      throw new Error(`the blob server behind the gate answered ${answer.statusCode} to ${method} of container ${account}/${container}`);
    })();
    this.#changes.set(name, change);
    await change;
  }

  #request(method: string, path: string, headers: readonly string[]): ClientRequest {
    const { hostname, port, pathname } = this.#url;
    const allHeaders = [...headers, 'authorization', `Bearer ${gateToken()}`];
    return httpsRequest({ agent: this.#agent, hostname, port, method, path: `${pathname}${path}`, headers: allHeaders });
  }
}

function gateToken(): string {
  const [issuedAt, expiresAt] = [new Date(), new Date(Date.now() + TOKEN_LIFE_MS)];
  return issueToken({ objectId: GATE, kind: 'app', tenantId: GATE, audience: 'https://storage.azure.com', issuedAt, expiresAt });
}

/** Containers of different accounts must not meet, and `ACCOUNT-CONTAINER` could be longer than the 63 letters that a name may have. */
function upstreamName(account: string, container: string): string {
  return createHash('sha256').update(`${account}/${container}`).digest('hex').slice(0, 32);
}

/** Header fields, in the flat form of `rawHeaders`, without those that end here. */
function passedOn(rawHeaders: readonly string[], without: readonly string[]): string[] {
  return rawHeaders.filter((_, index) => {
    const name = rawHeaders[index - (index % 2)]?.toLowerCase() ?? '';
    return !NOT_PASSED_ON.includes(name) && !without.includes(name);
  });
}

/** Lets so many bytes pass and then cuts the client off, or at the end when there are fewer. */
function cutting(bytes: number, client: Socket): Transform {
  let passed = 0;
  const cut = (done: TransformCallback): void => {
    // What has passed is still sent: a client must see the middle of an answer.
    client.destroySoon();
    done(new Error('the connection was cut on purpose'));
  };
  return new Transform({
    transform(piece: Buffer, _, done) {
      passed += piece.length;
      if (passed <= bytes) done(null, piece);
      else cut(done);
    },
    flush: cut,
  });
}

/** The root element of a listing, which names account and container, is in its first bytes. */
const LISTING_HEAD_BYTES = 4096;

/** Puts the client's names of account and container into a listing. */
function renaming(account: string, container: string): Transform {
  let head: Buffer | undefined = Buffer.alloc(0);
  const renamed = (bytes: Buffer): Buffer => {
    const text = bytes.toString('latin1').replace(ROOT_NAMES, (_, host: string) => `${host}${account}" ContainerName="${container}"`);
    return Buffer.from(text, 'latin1');
  };
  return new Transform({
    transform(piece: Buffer, _, done) {
      if (head === undefined) {
        done(null, piece);
        return;
      }
      head = Buffer.concat([head, piece]);
      if (head.length < LISTING_HEAD_BYTES) {
        done();
        return;
      }
      const whole = renamed(head);
      head = undefined;
      done(null, whole);
    },
    flush(done) {
      done(null, head === undefined ? undefined : renamed(head));
    },
  });
}

const ROOT_NAMES = /(?<=<EnumerationResults )(ServiceEndpoint="[^"]*\/)[^"/]*" ContainerName="[^"]*"/;

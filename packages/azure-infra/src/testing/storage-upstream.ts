import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { issueToken } from './tokens.ts';

/** The server of blobs or queues behind a gate: one account of an Azurite that serves HTTPS with `--oauth basic`. */
export interface StorageUpstreamOptions {
  /** `https://127.0.0.1:PORT/ACCOUNT` */
  readonly url: string;
  /** Its certificate, PEM. */
  readonly certificate: string;
}

/** Which service it is: of blobs in containers, or of messages in queues. */
export type StorageServiceName = 'blob' | 'queue';

/** A request to pass on, and how far. */
export interface ForwardedRequest {
  readonly account: string;
  /** The container or the queue. */
  readonly name: string;
  /** What follows the name in the request's target, query included. */
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

/** What the query says when a container or a queue itself is meant, and how the services answer when it is made and deleted. */
const SERVICES = {
  blob: { query: '?restype=container', made: [201, 409], deleted: [202, 404] },
  queue: { query: '', made: [201, 204, 409], deleted: [204, 404] },
} as const;

/**
 * Holds the containers or the queues of any number of accounts in the one account of an upstream, under names of their own, and passes
 * requests on to them. Bodies are streamed; headers keep their case, on which the names of metadata depend.
 */
export class StorageUpstream implements Disposable {
  readonly #service: StorageServiceName;
  readonly #url: URL;
  readonly #agent: Agent;
  /** The last change of each container or queue, for which its requests wait. */
  readonly #changes = new Map<string, Promise<void>>();

  constructor(service: StorageServiceName, { url, certificate }: StorageUpstreamOptions) {
    this.#service = service;
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, ca: certificate });
  }

  /** Makes a container or a queue; nothing happens when it is there. */
  create(account: string, name: string): Promise<void> {
    return this.#change('PUT', account, name, SERVICES[this.#service].made);
  }

  /** Deletes a container or a queue with all that is in it; nothing happens when there is none. */
  delete(account: string, name: string): Promise<void> {
    return this.#change('DELETE', account, name, SERVICES[this.#service].deleted);
  }

  /** Passes a request on and its answer back. Rejects when either side went away. */
  async forward(request: IncomingMessage, response: ServerResponse, forwarded: ForwardedRequest): Promise<void> {
    const { account, rest, isListing, cutAfterBytes, onAnswer } = forwarded;
    const { socket, method = 'GET' } = request;
    const downloads = method === 'GET' || method === 'HEAD';
    const name = upstreamName(account, forwarded.name);
    await this.#changes.get(name);
    const cut = cutAfterBytes === undefined ? [] : [cutting(cutAfterBytes, socket)];
    const sent = this.#request(method, `/${name}${rest}`, passedOn(request.rawHeaders, []));
    const sendBack = async (): Promise<void> => {
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      const status = answer.statusCode ?? 500;
      const listing = status === 200 && isListing;
      onAnswer(status);
      response.writeHead(status, answer.statusMessage ?? '', passedOn(answer.rawHeaders, listing ? ['content-length'] : []));
      const rename = listing ? [renaming(account, forwarded.name)] : [];
      await pipeline([answer, ...rename, ...(downloads ? cut : []), response]);
    };
    await Promise.all([pipeline([request, ...(downloads ? [] : cut), sent]), sendBack()]);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #change(method: string, account: string, part: string, expected: readonly number[]): Promise<void> {
    const name = upstreamName(account, part);
    const before = this.#changes.get(name);
    const change = (async () => {
      await before?.catch(() => undefined);
      const sent = this.#request(method, `/${name}${SERVICES[this.#service].query}`, ['host', this.#url.host, 'content-length', '0']);
      sent.end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.resume();
      if (expected.includes(answer.statusCode ?? 0)) return;
      throw new Error(`the ${this.#service} server behind the gate answered ${answer.statusCode} to ${method} of ${account}/${part}`);
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

/** Those of different accounts must not meet, and `ACCOUNT-NAME` could be longer than the 63 letters that a name may have. */
function upstreamName(account: string, name: string): string {
  return createHash('sha256').update(`${account}/${name}`).digest('hex').slice(0, 32);
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

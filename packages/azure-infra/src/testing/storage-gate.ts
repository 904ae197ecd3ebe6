import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { BlobFaults, type BlobFault } from './blob-faults.ts';
import { sendStorageError, type StorageError } from './storage-error.ts';
import { StorageUpstream, type StorageServiceName, type StorageUpstreamOptions } from './storage-upstream.ts';
import { readToken, type Token } from './tokens.ts';

/** How a gate stands, whatever service is behind it. */
export interface StorageGateOptions {
  readonly upstream: StorageUpstreamOptions;
  /** Resource id of the account with this name; undefined when there is none. */
  readonly storageAccountId: (name: string) => string | undefined;
  /** The directory whose tokens are good. */
  readonly tenantId: string;
  /** Wall clock for the life of tokens, in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Told of each answer when it is about to be sent; `path` is as in the URL: `/ACCOUNT/CONTAINER/BLOB`, `/ACCOUNT/QUEUE/messages`. */
  readonly onAnswer?: (answer: { readonly method: string; readonly path: string; readonly status: number }) => void;
}

/** A request, as far as it decides who may make it. */
export interface StorageRequest {
  readonly method: string;
  /** As in the URL, percent-encoded, without the query. */
  readonly path: string;
  readonly account: string;
  /** The container or the queue. Undefined: the request is about the account. */
  readonly name: string | undefined;
  /** What follows the name, query included. */
  readonly rest: string;
  /** `?…`, or empty. */
  readonly search: string;
  /** Whether it asks for a list whose answer names account and container. */
  readonly isListing: boolean;
  /** Whether the double has the operation. */
  readonly isKnown: boolean;
}

/** What is special about one of the services. */
export interface GatedService<R extends StorageRequest> {
  readonly service: StorageServiceName;
  /** Names that a container or a queue may have. */
  readonly names: RegExp;
  /** The answer to a request without token, key and signature. */
  readonly anonymous: StorageError;
  read(method: string, target: string): R;
  /** Whether the roles of the principal allow the request, at the container or the queue that it names. */
  allows(asked: R & { readonly name: string }, accountId: string, objectId: string): boolean;
}

const BUSY: StorageError = { status: 503, code: 'ServerBusy', message: 'The server is busy.' };
const BROKEN: StorageError = {
  status: 500,
  code: 'InternalError',
  message: 'The server encountered an internal error. Please retry the request.',
};
const KEYED: StorageError = {
  status: 403,
  code: 'KeyBasedAuthenticationNotPermitted',
  message: 'Key based authentication is not permitted on this storage account.',
};
const UNAUTHENTICATED: StorageError = {
  status: 401,
  code: 'InvalidAuthenticationInfo',
  message: 'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
};
const UNAUTHORIZED: StorageError = {
  status: 403,
  code: 'AuthorizationPermissionMismatch',
  message: 'This request is not authorized to perform this operation using this permission.',
};
const BAD_NAME: StorageError = {
  status: 400,
  code: 'InvalidResourceName',
  message: 'The specified resource name contains invalid characters.',
};
const NOT_HERE: StorageError = {
  status: 501,
  code: 'NotImplemented',
  message: 'This double of the service does not have the operation.',
};

/**
 * The data plane of storage accounts as a provisioner makes them, without keys and without public access: it lets through to a real server
 * what the caller's roles allow, at `https://127.0.0.1:PORT/ACCOUNT/NAME/…`. Bodies are streamed both ways.
 *
 * What differs from Azure: an account that does not exist answers 404 (there its name does not resolve); operations on a whole account
 * answer 501; signatures of user delegation keys are refused as keys are.
 */
export class StorageGate<R extends StorageRequest> implements AsyncDisposable {
  readonly #options: StorageGateOptions;
  readonly #service: GatedService<R>;
  readonly #upstream: StorageUpstream;
  readonly #faults = new BlobFaults();

  constructor(options: StorageGateOptions, service: GatedService<R>) {
    this.#options = options;
    this.#service = service;
    this.#upstream = new StorageUpstream(service.service, options.upstream);
  }

  /** For an HTTPS server. */
  readonly listener: RequestListener = (request, response) => {
    const { socket } = request;
    this.#serve(request, response).catch(() => {
      // The client or the upstream went away. A client that is there and was told nothing yet is told so.
      if (response.headersSent || !socket.writable) response.destroy();
      else this.#refuse(request, response, BROKEN);
    });
  };

  /** Resource Manager has made a container or a queue. Its requests from now on wait until it is there. */
  created(account: string, name: string): Promise<void> {
    return this.#upstream.create(account, name);
  }

  /** Resource Manager has deleted a container or a queue, and with it all that is in it. */
  deleted(account: string, name: string): Promise<void> {
    return this.#upstream.delete(account, name);
  }

  /** Lets requests from now on meet a fault. */
  inject(fault: BlobFault): void {
    this.#faults.add(fault);
  }

  /** Forgets the faults that no request has met yet. */
  heal(): void {
    this.#faults.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#upstream[Symbol.dispose]();
    return Promise.resolve();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = this.#service.read(request.method ?? 'GET', request.url ?? '/');
    const fault = this.#faults.take(asked.method, asked.path);
    if (fault?.kind === 'busy') {
      this.#refuse(request, response, BUSY);
      return;
    }
    if (fault?.kind === 'error') {
      this.#refuse(request, response, BROKEN);
      return;
    }
    if (fault?.kind === 'hold') await fault.until();
    const { account, name = '', rest, isListing } = asked;
    const error = this.#judge(request, asked);
    if (error !== undefined) {
      this.#refuse(request, response, error);
      return;
    }
    const onAnswer = (status: number): void => this.#tell(request, status);
    const cut = fault?.kind === 'reset' ? { cutAfterBytes: fault.afterBytes ?? 0 } : {};
    await this.#upstream.forward(request, response, { account, name, rest, isListing, onAnswer, ...cut });
  }

  /** Why the request is not let through, in the order in which the service checks. */
  #judge(request: IncomingMessage, asked: R): StorageError | undefined {
    const { storageAccountId, tenantId, now = Date.now } = this.#options;
    const { account, name, search, isKnown } = asked;
    const { service, names, anonymous } = this.#service;
    const accountId = storageAccountId(account);
    if (accountId === undefined) {
      const message = `There is no storage account "${account}"; at Azure its name would not resolve.`;
      return { status: 404, code: 'ResourceNotFound', message };
    }
    const header = request.headers.authorization;
    if (header === undefined) return new URLSearchParams(search).has('sig') ? KEYED : anonymous;
    if (/^SharedKey/i.test(header)) return KEYED;
    const token = readToken(header);
    if (token === undefined) return UNAUTHENTICATED;
    const detail = tokenFault(token, `https://${account}.${service}.core.windows.net`, tenantId, now());
    if (detail !== undefined) return { ...UNAUTHENTICATED, detail };
    if (name !== undefined && !names.test(name)) return BAD_NAME;
    if (!isKnown || name === undefined || request.headers['x-ms-copy-source'] !== undefined) return NOT_HERE;
    return this.#service.allows({ ...asked, name }, accountId, token.objectId) ? undefined : UNAUTHORIZED;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: StorageError): void {
    this.#tell(request, error.status);
    sendStorageError(request, response, error);
  }

  #tell({ method = 'GET', url = '/' }: IncomingMessage, status: number): void {
    this.#options.onAnswer?.({ method, path: this.#service.read(method, url).path, status });
  }
}

/** Why a token is not good for the account; undefined when it is. */
function tokenFault(token: Token, endpoint: string, tenantId: string, now: number): string | undefined {
  const audiences = ['https://storage.azure.com', endpoint];
  if (!audiences.includes(token.audience)) return 'Audience validation failed. Audience did not match.';
  if (token.tenantId !== tenantId) return 'Issuer validation failed. Issuer did not match.';
  if (now < token.issuedAt.getTime()) return 'Lifetime validation failed. The token is not yet valid.';
  if (now >= token.expiresAt.getTime()) return 'Lifetime validation failed. The token is expired.';
  return undefined;
}

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { BlobFaults, type BlobFault } from './blob-faults.ts';
import { readBlobRequest, type BlobRequest } from './blob-request.ts';
import { BlobUpstream, type BlobUpstreamOptions } from './blob-upstream.ts';
import { sendStorageError, type StorageError } from './storage-error.ts';
import { readToken, type Token } from './tokens.ts';

/** What the gate asks of the double of Resource Manager. */
export interface StorageControlPlane {
  /** Resource id of the account with this name; undefined when there is none. */
  storageAccountId(name: string): string | undefined;
  /** Whether role assignments at the scope (a resource id) or above it allow the principal this action, at this moment. */
  hasDataAction(objectId: string, scope: string, action: string): boolean;
}

/** How a gate stands. */
export interface BlobGateOptions {
  readonly upstream: BlobUpstreamOptions;
  readonly controlPlane: StorageControlPlane;
  /** The directory whose tokens are good. */
  readonly tenantId: string;
  /** Wall clock for the life of tokens, in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Told of each answer when it is about to be sent; `path` is `/ACCOUNT/CONTAINER/BLOB` as in the URL. */
  readonly onAnswer?: (answer: { readonly method: string; readonly path: string; readonly status: number }) => void;
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
const ANONYMOUS: StorageError = {
  status: 409,
  code: 'PublicAccessNotPermitted',
  message: 'Public access is not permitted on this storage account.',
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
  message: 'This double of the blob service does not have the operation.',
};

/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const CONTAINER_NAME = /^(\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*)$/;

/**
 * The data plane of storage accounts as a provisioner makes them, without keys and without public access: it lets through to a real blob
 * server what the caller's roles allow, at `https://127.0.0.1:PORT/ACCOUNT/CONTAINER/BLOB`. Bodies are streamed both ways.
 *
 * What differs from Azure: an account that does not exist answers 404 (there its name does not resolve); operations on a whole account,
 * copies from a URL, access policies, batches and queries answer 501; signatures of user delegation keys are refused as keys are.
 */
export class BlobGate implements AsyncDisposable {
  readonly #options: BlobGateOptions;
  readonly #upstream: BlobUpstream;
  readonly #faults = new BlobFaults();

  constructor(options: BlobGateOptions) {
    this.#options = options;
    this.#upstream = new BlobUpstream(options.upstream);
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

  /** Resource Manager has made a container. Its requests from now on wait until it is there. */
  containerCreated(account: string, container: string): Promise<void> {
    return this.#upstream.createContainer(account, container);
  }

  /** Resource Manager has deleted a container, and with it all its blobs. */
  containerDeleted(account: string, container: string): Promise<void> {
    return this.#upstream.deleteContainer(account, container);
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
    const asked = readBlobRequest(request.method ?? 'GET', request.url ?? '/');
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
    const { account, container = '', rest, isListing } = asked;
    const error = this.#judge(request, asked);
    if (error !== undefined) {
      this.#refuse(request, response, error);
      return;
    }
    const onAnswer = (status: number): void => this.#tell(request, status);
    const cut = fault?.kind === 'reset' ? { cutAfterBytes: fault.afterBytes ?? 0 } : {};
    await this.#upstream.forward(request, response, { account, container, rest, isListing, onAnswer, ...cut });
  }

  /** Why the request is not let through, in the order in which the service checks. */
  #judge(request: IncomingMessage, { account, container, search, action }: BlobRequest): StorageError | undefined {
    const { controlPlane, tenantId, now = Date.now } = this.#options;
    const accountId = controlPlane.storageAccountId(account);
    if (accountId === undefined) {
      const message = `There is no storage account "${account}"; at Azure its name would not resolve.`;
      return { status: 404, code: 'ResourceNotFound', message };
    }
    const header = request.headers.authorization;
    if (header === undefined) return new URLSearchParams(search).has('sig') ? KEYED : ANONYMOUS;
    if (/^SharedKey/i.test(header)) return KEYED;
    const token = readToken(header);
    if (token === undefined) return UNAUTHENTICATED;
    const detail = tokenFault(token, account, tenantId, now());
    if (detail !== undefined) return { ...UNAUTHENTICATED, detail };
    if (container !== undefined && !CONTAINER_NAME.test(container)) return BAD_NAME;
    if (action === undefined || container === undefined || request.headers['x-ms-copy-source'] !== undefined) return NOT_HERE;
    const scope = `${accountId}/blobServices/default/containers/${container}`;
    return controlPlane.hasDataAction(token.objectId, scope, action) ? undefined : UNAUTHORIZED;
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: StorageError): void {
    this.#tell(request, error.status);
    sendStorageError(request, response, error);
  }

  #tell({ method = 'GET', url = '/' }: IncomingMessage, status: number): void {
    this.#options.onAnswer?.({ method, path: readBlobRequest(method, url).path, status });
  }
}

/** Why a token is not good for the account; undefined when it is. */
function tokenFault(token: Token, account: string, tenantId: string, now: number): string | undefined {
  const audiences = ['https://storage.azure.com', `https://${account}.blob.core.windows.net`];
  if (!audiences.includes(token.audience)) return 'Audience validation failed. Audience did not match.';
  if (token.tenantId !== tenantId) return 'Issuer validation failed. Issuer did not match.';
  if (now < token.issuedAt.getTime()) return 'Lifetime validation failed. The token is not yet valid.';
  if (now >= token.expiresAt.getTime()) return 'Lifetime validation failed. The token is expired.';
  return undefined;
}

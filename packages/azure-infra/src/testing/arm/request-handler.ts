import type { HttpRequest, HttpResponse } from '../http.ts';
import { matchPath, type Route, type RouteRequest } from '../routes/route.ts';
import { noRoute } from '../routes/resource-routes.ts';
import { readToken } from '../tokens.ts';
import { ArmError } from './arm-error.ts';
import type { Faults } from './faults.ts';
import { isObject, parseJson, stringAt, type Json, type JsonObject } from './json.ts';
import type { Reply } from './reply.ts';
import { parseResourceId } from './resource-id.ts';
import { invalidVersion } from './type-registry.ts';

/** One request and how it was answered. */
export interface LoggedRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: string;
  readonly status: number;
  /** The error's code, where it was answered with one. */
  readonly code: string | undefined;
  /** Object id of the caller, where the token said so. */
  readonly caller: string | undefined;
}

/** What the door of the service needs. */
export interface RequestHandlerOptions {
  readonly routes: readonly Route[];
  readonly faults: Faults;
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly audiences: readonly string[];
  readonly wallClock: () => number;
  /** Lets virtual time pass. */
  readonly poll: () => void;
}

/** Older requests are forgotten. */
const LOG_LIMIT = 10_000;

/** The door: looks at the token, the version, the path and the body, finds the route, and makes answers of errors. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #log: LoggedRequest[] = [];

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  get log(): readonly LoggedRequest[] {
    return this.#log;
  }

  handle(request: HttpRequest): HttpResponse {
    const url = new URL(request.url);
    const method = request.method.toUpperCase();
    const path = `/${url.pathname.split('/').filter(Boolean).map(decode).join('/')}`;
    const reply = this.#answer(request, method, url, path);
    const { status, body } = reply;
    const code = status >= 400 ? stringAt(body, 'error.code') : undefined;
    if (this.#log.length === LOG_LIMIT) this.#log.shift();
    this.#log.push({ method, path, query: url.search, status, code, caller: readToken(request.headers['authorization'])?.objectId });
    return toResponse(reply, url.origin, method);
  }

  #answer(request: HttpRequest, method: string, url: URL, path: string): Reply {
    try {
      const injected = this.#options.faults.requestError(method, path, parseResourceId(path)?.type);
      if (injected !== undefined) throw injected;
      const caller = this.#caller(request);
      const apiVersion = url.searchParams.get('api-version');
      if (apiVersion === null || apiVersion === '') {
        throw new ArmError(
          400,
          'MissingApiVersionParameter',
          'The api-version query parameter (?api-version=) is required for all requests.',
        );
      }
      const subscription = /^\/subscriptions\/([^/]+)/i.exec(path)?.[1];
      if (subscription !== undefined && subscription.toLowerCase() !== this.#options.subscriptionId.toLowerCase()) {
        throw new ArmError(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`);
      }
      const common = { method, base: url.origin, path, query: url.searchParams, apiVersion, caller };
      for (const route of this.#options.routes) {
        const params = route.method === method ? matchPath(route.path, path) : undefined;
        if (params === undefined) continue;
        if (route.apiVersions?.includes(apiVersion) === false) throw invalidVersion(apiVersion, route.apiVersions);
        const routed: RouteRequest = { ...common, params, body: bodyOf(request) };
        if (route.polls?.(routed) === true) this.#options.poll();
        return route.handle(routed);
      }
      throw noRoute({ method, path });
    } catch (error) {
      if (!(error instanceof ArmError)) throw error;
      return { status: error.status, body: { error: error.toJson() }, headers: error.headers };
    }
  }

  /** Object id of who asks. @throws {ArmError} without a token that is for this service and still valid. */
  #caller({ headers, url }: HttpRequest): string {
    const refuse = (code: string, message: string): ArmError =>
      new ArmError(401, code, message, {
        headers: {
          'www-authenticate': `Bearer authorization_uri="https://login.microsoftonline.com/${this.#options.tenantId}", error="invalid_token"`,
        },
      });
    if (headers['authorization'] === undefined)
      throw refuse('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.");
    const token = readToken(headers['authorization']);
    if (token === undefined) throw refuse('InvalidAuthenticationToken', 'The access token is invalid.');
    // The service is its own audience too, under whatever name it is reached: so clients ask that are told where it is.
    if (![...this.#options.audiences, new URL(url).origin].includes(token.audience.replace(/\/$/, ''))) {
      throw refuse(
        'InvalidAuthenticationTokenAudience',
        `The access token has been obtained for wrong audience or resource '${token.audience}'.`,
      );
    }
    if (token.tenantId !== this.#options.tenantId) {
      throw refuse(
        'InvalidAuthenticationTokenTenant',
        `The access token is from the wrong issuer 'https://sts.windows.net/${token.tenantId}/'.`,
      );
    }
    if (token.expiresAt.getTime() <= this.#options.wallClock())
      throw refuse('ExpiredAuthenticationToken', 'The access token expiry UTC time is earlier than current UTC time.');
    return token.objectId;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A stray percent sign stands for itself.
    return part;
  }
}

function bodyOf({ body }: HttpRequest): JsonObject {
  if (body === '') return {};
  let parsed: Json;
  try {
    parsed = parseJson(body);
  } catch (cause) {
    throw new ArmError(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.', { cause });
  }
  if (isObject(parsed)) return parsed;
  throw new ArmError(400, 'InvalidRequestContent', 'The request content was invalid: it must be an object.');
}

/** Headers whose value is a URL on this service. */
const URL_HEADERS = ['location', 'azure-asyncoperation'];

function toResponse({ status, body, headers = {} }: Reply, base: string, method: string): HttpResponse {
  const absolute = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    URL_HEADERS.includes(name) ? `${base}${value}` : value,
  ]);
  const text = body === undefined || method === 'HEAD' ? '' : JSON.stringify(body);
  return {
    status,
    headers: { ...(text === '' ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...Object.fromEntries(absolute) },
    body: text,
  };
}

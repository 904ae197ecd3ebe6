import type { JsonObject } from '../arm/json.ts';
import type { Reply } from '../arm/reply.ts';

/** A request that got past the door: its caller is known, its body is JSON, its path fits a route. */
export interface RouteRequest {
  readonly method: string;
  /** Scheme and host that the request came in with. */
  readonly base: string;
  /** Without doubled slashes. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly apiVersion: string;
  readonly body: JsonObject;
  /** Object id of the caller. */
  readonly caller: string;
  /** The parts of the path that the route's pattern names. */
  readonly params: Readonly<Record<string, string>>;
}

/** An endpoint of the service. */
export interface Route {
  readonly method: string;
  /** `/subscriptions/{subscription}/resources`: `{name}` is one part of the path, `{name+}` any number of them, letter case does not matter. */
  readonly path: string;
  /** Versions of endpoints that aren't a resource's. */
  readonly apiVersions?: readonly string[];
  /** Whether such a request is a poll, which time passes with. */
  readonly polls?: (request: RouteRequest) => boolean;
  /** @throws {ArmError} */
  readonly handle: (request: RouteRequest) => Reply;
}

/** The parts that the pattern names, or undefined when the path doesn't fit. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const names: string[] = [];
  const expression = pattern.replaceAll('.', '\\.').replace(/\{(\w+)(\+?)\}/g, (_match, name: string, many: string) => {
    names.push(name);
    return many === '+' ? '(.+)' : '([^/]+)';
  });
  const found = new RegExp(`^${expression}$`, 'i').exec(path);
  if (found === null) return undefined;
  return Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']));
}

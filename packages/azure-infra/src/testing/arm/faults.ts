import { ArmError } from './arm-error.ts';

/** Which requests a fault hits; what is absent matches everything. */
export interface FaultMatch {
  readonly method?: string;
  /** Tested against the path without query. */
  readonly path?: RegExp;
  /** Type of the resource that the path names, such as `Microsoft.Compute/virtualMachines`. */
  readonly type?: string;
}

/** A fault of the service: what matching requests are answered with instead of being served. */
export interface Fault {
  readonly match: FaultMatch;
  /** How many requests it hits; default: all until it is cleared. */
  readonly times?: number;
  readonly status: number;
  readonly code: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Which resources fail while they are being created or changed; what is absent matches everything. */
export interface ResourceMatch {
  readonly type?: string;
  readonly name?: string | RegExp;
}

/** What a failing resource reports. */
export interface ResourceFailure {
  readonly code: string;
  readonly message: string;
  /** Default 409. */
  readonly status?: number;
  /** How many resources it hits; default: all until it is cleared. */
  readonly times?: number;
}

interface Armed<T> {
  readonly rule: T;
  left: number;
}

/** Faults that a test asks for. Nothing fails unless it was told to. */
export class Faults {
  #requests: Armed<Fault>[] = [];
  #resources: Armed<{ readonly match: ResourceMatch; readonly failure: ResourceFailure }>[] = [];

  /** Matching requests are answered with this error. */
  inject(fault: Fault): void {
    this.#requests.push({ rule: fault, left: fault.times ?? Infinity });
  }

  /** The service has had too many requests: 429 with `Retry-After` (seconds, default 0). */
  throttle(match: FaultMatch = {}, { times = 1, retryAfter = 0 }: { readonly times?: number; readonly retryAfter?: number } = {}): void {
    this.inject({
      match,
      times,
      status: 429,
      code: 'TooManyRequests',
      message: `The request is being throttled as the limit has been reached. Please try again after '${retryAfter}' seconds.`,
      headers: { 'retry-after': String(retryAfter) },
    });
  }

  /** The request is forbidden, whatever rights the caller has. */
  deny(match: FaultMatch, times?: number): void {
    this.inject({
      match,
      ...(times === undefined ? {} : { times }),
      status: 403,
      code: 'RequestDisallowedByPolicy',
      message: 'The request was disallowed by policy.',
    });
  }

  /** Creating or changing a matching resource begins and then fails, alone or in the middle of a deployment. */
  failResource(match: ResourceMatch, failure: ResourceFailure): void {
    this.#resources.push({ rule: { match, failure }, left: failure.times ?? Infinity });
  }

  clear(): void {
    this.#requests = [];
    this.#resources = [];
  }

  /** The error that a request is answered with, if any. Counts as one of the fault's times. */
  requestError(method: string, path: string, type: string | undefined): ArmError | undefined {
    const hit = this.#requests.find(
      ({ left, rule: { match } }) =>
        left > 0 &&
        (match.method === undefined || match.method.toUpperCase() === method) &&
        (match.path?.test(path) ?? true) &&
        (match.type === undefined || match.type.toLowerCase() === type?.toLowerCase()),
    );
    if (hit === undefined) return undefined;
    hit.left--;
    const { status, code, message, headers } = hit.rule;
    return new ArmError(status, code, message ?? `The service answers with ${code}.`, headers === undefined ? {} : { headers });
  }

  /** The error that a resource will fail with, if any. Counts as one of the failure's times. */
  resourceFailure(type: string, name: string): ArmError | undefined {
    const hit = this.#resources.find(
      ({ left, rule: { match } }) =>
        left > 0 &&
        (match.type === undefined || match.type.toLowerCase() === type.toLowerCase()) &&
        (match.name === undefined || (typeof match.name === 'string' ? match.name === name : match.name.test(name))),
    );
    if (hit === undefined) return undefined;
    hit.left--;
    const { status, code, message } = hit.rule.failure;
    return new ArmError(status ?? 409, code, message);
  }
}

import type { PipelinePolicy } from '@azure/core-rest-pipeline';
import { ArmError, describeFault } from '../arm-error.ts';
import type { ArmFault } from '../resource-manager.ts';

/** What Azure has said to requests that failed. */
const answers = new WeakMap<object, ArmFault>();

/** Keeps what Azure says to a request that fails: of a page of a list the SDK tells the code alone, and throws the message away. */
export const rememberFaults: PipelinePolicy = {
  name: 'rememberFaults',
  async sendRequest(request, next) {
    const response = await next(request);
    const fault = response.status < 400 ? undefined : readFaultText(response.bodyAsText ?? '');
    if (fault !== undefined) answers.set(request, fault);
    return response;
  },
};

/** Runs a request and turns what it rejects with into an {@link ArmError} that says what was asked. */
export async function asking<T>(what: string, signal: AbortSignal, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    signal.throwIfAborted();
    throw toArmError(what, error);
  }
}

/** As {@link asking}, for what may not be there: a 404 is undefined. */
export async function askingFor<T>(what: string, signal: AbortSignal, request: () => Promise<T>): Promise<T | undefined> {
  try {
    return await asking(what, signal, request);
  } catch (error) {
    if (error instanceof ArmError && error.status === 404) return undefined;
    throw error;
  }
}

function toArmError(what: string, error: unknown): ArmError {
  if (error instanceof ArmError) return error;
  const status = numberAt(error, 'statusCode');
  const request = at(error, 'request');
  const answer = typeof request === 'object' && request !== null ? answers.get(request) : undefined;
  const fault = answer ?? readFault(at(error, 'details', 'error')) ?? readFault(at(error, 'error')) ?? readFault(error);
  const reason = fault === undefined ? (error instanceof Error ? error.message : String(error)) : describeFault(fault);
  const place = status === undefined ? '' : ` (HTTP ${status})`;
  return new ArmError(`${what} failed${place}: ${reason}${adviceFor(fault, status)}`, {
    cause: error,
    ...(status === undefined ? {} : { status }),
    ...(fault === undefined ? {} : { fault }),
  });
}

const MISSING_ROLE =
  '\nAsk an owner of the subscription for the role that is missing; "Owner", or "Contributor" with "Role Based Access Control Administrator", is enough';

/** What a person can do about it. */
function adviceFor(fault: ArmFault | undefined, status: number | undefined): string {
  // A template that may not be deployed has a code of its own, and this in its message.
  if (fault?.message.includes('does not have permission to perform action') === true) return MISSING_ROLE;
  switch (fault?.code) {
    case 'AuthorizationFailed':
      return MISSING_ROLE;
    case 'SubscriptionNotFound':
    case 'InvalidSubscriptionId':
      return '\nSet AZURE_SUBSCRIPTION_ID to one that "az account list" shows';
    case 'ScopeLocked':
      return '\nA lock is in the way: "az lock list" shows it';
    case 'RequestDisallowedByPolicy':
      return '\nA policy forbids it: change the setting that it is about, or ask who keeps the policy for an exemption';
    case 'DeploymentActive':
      return '\nAnother run has started it: run the same command again, which follows it';
    default:
      return adviceForStatus(status);
  }
}

function adviceForStatus(status: number | undefined): string {
  if (status === undefined) return '\nCheck that this machine reaches Azure, and AZURE_RESOURCE_MANAGER_ENDPOINT where that is set';
  if (status === 401) return '\nSign in again with "az login"';
  return status === 429 || status >= 500 ? '\nAzure is busy or broken: run the same command again in a few minutes' : '';
}

/** Reads `{ code, message, details }`, whoever made it; undefined when it is none. */
export function readFault(value: unknown): ArmFault | undefined {
  const code = at(value, 'code');
  const message = at(value, 'message');
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  const details = at(value, 'details');
  const inner = Array.isArray(details) ? details.map(readFault).filter((fault) => fault !== undefined) : [];
  return { code, message: message.trim(), details: [...inner, ...nestedInMessage(message)] };
}

/** Resource providers put their own answer, as JSON, into the message of the one around it. */
function nestedInMessage(message: string): ArmFault[] {
  if (!message.trimStart().startsWith('{')) return [];
  const fault = readFaultText(message);
  return fault === undefined ? [] : [fault];
}

/** Reads a fault, or `{ error: fault }`, from the text of an answer; undefined when it is none. */
export function readFaultText(text: string): ArmFault | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return readFault(at(parsed, 'error') ?? parsed);
  } catch {
    // Not JSON: whatever it is, it names no code.
    return undefined;
  }
}

function at(value: unknown, ...names: readonly string[]): unknown {
  let current = value;
  for (const name of names) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, name);
  }
  return current;
}

function numberAt(value: unknown, name: string): number | undefined {
  const found = at(value, name);
  return typeof found === 'number' ? found : undefined;
}

import {
  applyPlan,
  CACHE_WARMER_KEYS,
  openResourceManager,
  openScaleSet,
  planChanges,
  trainingEnvironment,
  type ApplyOptions,
  type CacheWarmerFacts,
  type EnvironmentFacts,
  type Plan,
  type ResourceGraph,
  type ResourceManager,
} from '../../src/index.ts';
import { DEFAULT_PRINCIPAL, FakeResourceManager, issueToken, type FakeResourceManagerOptions } from '../../src/testing/testing.ts';
import { cacheWarmer } from '../environment/cache-warmer-under-test.ts';
import { FACTS, settings, SUBSCRIPTION } from '../graph/environment-under-test.ts';

const TENANT = '99999999-0000-4000-8000-000000000009';
const HOUR_MS = 3_600_000;

/** A clock that does not wait: the double's time passes with each request. */
export const IMPATIENT = { now: () => 0, sleep: () => Promise.resolve() };

/** The double of Azure, and the real clients on it. */
export interface Azure {
  readonly fake: FakeResourceManager;
  readonly manager: ResourceManager;
  readonly signal: AbortSignal;
  /** Object id of who is signed in. */
  readonly callerId: string;
  /** The guide's environment, with these variables set. */
  environment(variables?: Readonly<Record<string, string>>, facts?: Partial<EnvironmentFacts>): ResourceGraph;
  plan(graph: ResourceGraph): Promise<Plan>;
  /** A CacheWarmer of the caller's, with these variables set. */
  cacheWarmer(variables?: Readonly<Record<string, string>>, facts?: Partial<CacheWarmerFacts>): ResourceGraph;
  /** Asks for so many workers of a CacheWarmer, and lets them come. */
  raise(graph: ResourceGraph, count: number): Promise<void>;
  /** Plans and carries it out, without waiting between two looks. */
  deploy(graph: ResourceGraph, options?: Partial<ApplyOptions>): Promise<Plan>;
  /** Requests that change something, since `from`: `PUT …/deployments/name`. */
  writes(from?: number): string[];
}

/** Starts with an empty subscription, signed in as its owner. */
export async function openAzure(
  options: Partial<FakeResourceManagerOptions> = {},
  objectId: string = DEFAULT_PRINCIPAL.objectId,
): Promise<Azure> {
  const fake = new FakeResourceManager({ subscriptionId: SUBSCRIPTION, tenantId: TENANT, ...options });
  const token = issueToken({
    objectId,
    kind: 'user',
    tenantId: TENANT,
    audience: 'https://management.azure.com',
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR_MS),
  });
  const connection = {
    credential: { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + HOUR_MS }) },
    subscriptionId: SUBSCRIPTION,
    httpClient: fake.client(),
    pollIntervalMs: 1,
  };
  const manager = await openResourceManager(connection);
  const caller = { objectId: DEFAULT_PRINCIPAL.objectId, type: DEFAULT_PRINCIPAL.type };
  const { signal } = new AbortController();
  return {
    fake,
    manager,
    signal,
    callerId: objectId,
    async raise(graph, count) {
      const target = { resourceGroup: graph.group.name, name: graph.resource(CACHE_WARMER_KEYS.scaleSet).name };
      await (await openScaleSet({ ...connection, ...target })).raiseTo(count, signal);
      fake.clock.advance(600);
    },
    cacheWarmer: (variables = {}, facts = {}) => cacheWarmer(variables, { caller, ...facts }),
    environment: (variables = {}, facts = {}) => trainingEnvironment(settings(variables), { ...FACTS, caller, ...facts }),
    plan: (graph) => planChanges(manager, graph, signal),
    async deploy(graph, apply = {}) {
      const plan = await planChanges(manager, graph, signal);
      await applyPlan(manager, plan, { signal, allowReplace: false, clock: IMPATIENT, ...apply });
      return plan;
    },
    writes: (from = 0) =>
      fake.log
        .slice(from)
        .filter(({ method, path }) => method !== 'GET' && method !== 'HEAD' && !/\/(whatIf|validate|checkNameAvailability)$/i.test(path))
        .map(({ method, path }) => `${method} ${path}`),
  };
}

/** What a plan does, without what it leaves as it is: `change Microsoft.Compute/virtualMachines warpdrive-forge-vm`. */
export function doings({ changes }: Pick<Plan, 'changes'>): string[] {
  return changes.filter(({ action }) => action !== 'no change').map(({ action, type, name }) => `${action} ${type} ${name}`);
}

/** The text at a path of a resource; empty where there is none. */
export function textAt(resource: unknown, ...path: readonly string[]): string {
  let value = resource;
  for (const name of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return typeof value === 'string' ? value : '';
}

/** A clock on which waiting ends at once, and with an abort where there was one. */
export const UNTIL_ABORTED = {
  now: () => 0,
  sleep: async (_milliseconds: number, signal: AbortSignal): Promise<void> => {
    await Promise.resolve();
    signal.throwIfAborted();
  },
};

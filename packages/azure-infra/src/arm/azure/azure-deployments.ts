import type { DeploymentExtended, DeploymentsClient } from '@azure/arm-resourcesdeployments';
import { ArmError } from '../arm-error.ts';
import type {
  ArmFault,
  DeploymentOperation,
  DeploymentRequest,
  Deployments,
  DeploymentState,
  PropertyChange,
  WhatIfChange,
} from '../resource-manager.ts';
import type { ClientSettings } from './client-options.ts';
import { asking, askingFor, readFault, readFaultText } from './failures.ts';

const NESTED = 'microsoft.resources/deployments';

/** One deployment operation of the SDK. */
interface SdkOperation {
  readonly properties?: {
    readonly provisioningOperation?: string;
    readonly provisioningState?: string;
    readonly statusMessage?: unknown;
    readonly targetResource?: { readonly id?: string; readonly resourceName?: string; readonly resourceType?: string };
  };
}

/** Deployments by `@azure/arm-resourcesdeployments`. */
export class AzureDeployments implements Deployments {
  readonly #client: DeploymentsClient;
  readonly #poll: { readonly updateIntervalInMs: number };

  constructor(client: DeploymentsClient, { pollIntervalMs }: ClientSettings) {
    this.#client = client;
    this.#poll = { updateIntervalInMs: pollIntervalMs };
  }

  async validate({ name, ...request }: DeploymentRequest, signal: AbortSignal): Promise<ArmFault | undefined> {
    const body = { location: request.location, properties: { mode: 'Incremental', template: request.template } } as const;
    // What the checks find comes as a 400, of which the SDK tells nothing but that it failed.
    let refusal: ArmFault | undefined;
    const onResponse = ({ status, bodyAsText }: { readonly status: number; readonly bodyAsText?: string | null }): void => {
      if (status === 400) refusal = readFaultText(bodyAsText ?? '');
    };
    try {
      const result = await asking('validating the deployment', signal, () =>
        this.#client.deployments.validateAtSubscriptionScope(name, body, { ...this.#poll, abortSignal: signal, onResponse }),
      );
      return readFault(result.error);
    } catch (error) {
      signal.throwIfAborted();
      if (refusal !== undefined) return refusal;
      throw error;
    }
  }

  async whatIf({ name, location, template }: DeploymentRequest, signal: AbortSignal): Promise<readonly WhatIfChange[]> {
    const body = {
      location,
      properties: { mode: 'Incremental', template, whatIfSettings: { resultFormat: 'FullResourcePayloads' } },
    } as const;
    const result = await asking('asking Azure what would change', signal, () =>
      this.#client.deployments.whatIfAtSubscriptionScope(name, body, { ...this.#poll, abortSignal: signal }),
    );
    const fault = readFault(result.error);
    if (fault !== undefined) throw new ArmError(`Azure cannot tell what would change: ${fault.code}: ${fault.message}`, { fault });
    return (result.changes ?? []).map(({ resourceId = '', changeType, before, after, delta }) => ({
      resourceId,
      changeType,
      ...(before === undefined ? {} : { before: before as WhatIfChange['before'] & object }),
      ...(after === undefined ? {} : { after: after as WhatIfChange['after'] & object }),
      delta: (delta ?? []).map(readPropertyChange),
    }));
  }

  async start({ name, location, template, tags }: DeploymentRequest, signal: AbortSignal): Promise<void> {
    const body = { location, tags: { ...tags }, properties: { mode: 'Incremental', template } } as const;
    await asking('starting the deployment', signal, () =>
      this.#client.deployments.createOrUpdateAtSubscriptionScope(name, body, { ...this.#poll, abortSignal: signal }).submitted(),
    );
  }

  async state(name: string, signal: AbortSignal): Promise<DeploymentState | undefined> {
    let retryAfter: string | undefined;
    const onResponse = (response: { readonly headers: { get(name: string): string | undefined } }): void => {
      retryAfter = response.headers.get('retry-after');
    };
    const found = await askingFor('reading the deployment', signal, () =>
      this.#client.deployments.getAtSubscriptionScope(name, { abortSignal: signal, onResponse }),
    );
    return found === undefined ? undefined : readState(found, retryAfter);
  }

  async operations(name: string, signal: AbortSignal): Promise<readonly DeploymentOperation[]> {
    const own = await asking('reading the progress of the deployment', signal, async () => {
      const list: SdkOperation[] = [];
      for await (const one of this.#client.deploymentOperations.listAtSubscriptionScope(name, { abortSignal: signal })) list.push(one);
      return list;
    });
    return this.#expand(own, signal);
  }

  async cancel(name: string, signal: AbortSignal): Promise<void> {
    await asking('canceling the deployment', signal, () =>
      this.#client.deployments.cancelAtSubscriptionScope(name, { abortSignal: signal }),
    );
  }

  async tagged(tag: string, value: string, signal: AbortSignal): Promise<readonly DeploymentState[]> {
    return asking('listing deployments', signal, async () => {
      const found: DeploymentState[] = [];
      for await (const one of this.#client.deployments.listAtSubscriptionScope({ abortSignal: signal })) {
        if (one.tags?.[tag] === value) found.push(readState(one, undefined));
      }
      return found;
    });
  }

  /** Puts the operations of nested deployments in their place. One that has not begun has none, and does not exist yet. */
  async #expand(operations: readonly SdkOperation[], signal: AbortSignal): Promise<DeploymentOperation[]> {
    const expanded: DeploymentOperation[] = [];
    for (const { properties } of operations) {
      const target = properties?.targetResource;
      if (target?.id === undefined || properties?.provisioningOperation === 'EvaluateDeploymentOutput') continue;
      if (target.resourceType?.toLowerCase() === NESTED) {
        const inner = await this.#nested(target.id, signal);
        // One that failed before it did anything tells its reason itself.
        if (inner.length > 0) {
          expanded.push(...(await this.#expand(inner, signal)));
          continue;
        }
        if (properties?.provisioningState !== 'Failed') continue;
      }
      const fault = readFault(Reflect.get(Object(properties?.statusMessage), 'error'));
      expanded.push({
        resourceId: target.id,
        type: target.resourceType ?? '',
        name: target.resourceName ?? '',
        state: stateOf(properties?.provisioningState),
        fault,
      });
    }
    return expanded;
  }

  async #nested(id: string, signal: AbortSignal): Promise<SdkOperation[]> {
    const [, group, name] = /\/resourceGroups\/([^/]+)\/.*\/deployments\/([^/]+)$/i.exec(id) ?? [];
    if (group === undefined || name === undefined) return [];
    const found = await askingFor('reading the progress of the deployment', signal, async () => {
      const list: SdkOperation[] = [];
      for await (const one of this.#client.deploymentOperations.list(group, name, { abortSignal: signal })) list.push(one);
      return list;
    });
    return found ?? [];
  }
}

function readPropertyChange(change: PropertyChange): PropertyChange {
  const { path, propertyChangeType, before, after, children } = change;
  return { path, propertyChangeType, before, after, children: (children ?? []).map(readPropertyChange) };
}

function readState({ name = '', properties, tags }: DeploymentExtended, retryAfter: string | undefined): DeploymentState {
  const seconds = Number(retryAfter);
  return {
    name,
    state: stateOf(properties?.provisioningState),
    fault: readFault(properties?.error),
    tags: tags ?? {},
    retryAfterMs: retryAfter === undefined || !Number.isFinite(seconds) ? undefined : seconds * 1000,
  };
}

function stateOf(provisioningState: string | undefined): DeploymentState['state'] {
  switch (provisioningState) {
    case 'Succeeded':
    case 'Failed':
    case 'Canceled':
      return provisioningState;
    default:
      return 'Running';
  }
}

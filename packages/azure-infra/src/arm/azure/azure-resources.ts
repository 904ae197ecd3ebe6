import type { AuthorizationManagementClient } from '@azure/arm-authorization';
import type { ComputeManagementClient } from '@azure/arm-compute';
import type { ResourceManagementClient } from '@azure/arm-resources';
import { parseResourceId } from '../../graph/resource-id.ts';
import type { ArmResource } from '../arm-resource.ts';
import type { Resources, RoleAssignmentFacts } from '../resource-manager.ts';
import type { ClientSettings } from './client-options.ts';
import { asking, askingFor } from './failures.ts';

const RESOURCE_GROUPS = 'Microsoft.Resources/resourceGroups';

/** What the generated clients say of a resource. */
interface SdkResource {
  readonly id?: string;
  readonly type?: string;
  readonly name?: string;
  readonly location?: string;
  readonly tags?: Record<string, string>;
  readonly sku?: { readonly name?: string; readonly capacity?: number };
  readonly identity?: { readonly principalId?: string };
  readonly properties?: unknown;
}

/** The clients that single resources are asked of. */
export interface ResourceClients {
  readonly resources: ResourceManagementClient;
  readonly authorization: AuthorizationManagementClient;
  readonly compute: ComputeManagementClient;
}

/** Single resources by `@azure/arm-resources`, `@azure/arm-authorization` and `@azure/arm-compute`. */
export class AzureResources implements Resources {
  readonly #clients: ResourceClients;
  readonly #poll: { readonly updateIntervalInMs: number };

  constructor(clients: ResourceClients, { pollIntervalMs }: ClientSettings) {
    this.#clients = clients;
    this.#poll = { updateIntervalInMs: pollIntervalMs };
  }

  async get(id: string, apiVersion: string, signal: AbortSignal): Promise<ArmResource | undefined> {
    const group = groupOf(id);
    const found = await askingFor<SdkResource>(`reading ${id}`, signal, () =>
      group === undefined
        ? this.#clients.resources.resources.getById(id, apiVersion, { abortSignal: signal })
        : this.#clients.resources.resourceGroups.get(group, { abortSignal: signal }),
    );
    return found === undefined ? undefined : readResource(found);
  }

  async tagged(tag: string, value: string, signal: AbortSignal): Promise<readonly ArmResource[]> {
    const filter = `tagName eq '${tag}' and tagValue eq '${value.replaceAll("'", "''")}'`;
    return asking('listing what the environment has', signal, async () => {
      const found: ArmResource[] = [];
      for await (const group of this.#clients.resources.resourceGroups.list({ filter, abortSignal: signal }))
        found.push(readResource(group));
      for await (const resource of this.#clients.resources.resources.list({ filter, abortSignal: signal }))
        found.push(readResource(resource));
      return found;
    });
  }

  async inGroup(resourceGroup: string, signal: AbortSignal): Promise<readonly ArmResource[]> {
    const found = await askingFor(`listing the resource group ${resourceGroup}`, signal, async () => {
      const list: ArmResource[] = [];
      for await (const resource of this.#clients.resources.resources.listByResourceGroup(resourceGroup, { abortSignal: signal })) {
        list.push(readResource(resource));
      }
      return list;
    });
    return found ?? [];
  }

  async delete(id: string, apiVersion: string, signal: AbortSignal): Promise<void> {
    const group = groupOf(id);
    const options = { ...this.#poll, abortSignal: signal };
    await askingFor(`deleting ${id}`, signal, async () => {
      if (group !== undefined) await this.#clients.resources.resourceGroups.delete(group, options);
      else if (parseResourceId(id).type === 'Microsoft.Authorization/roleAssignments') {
        await this.#clients.authorization.roleAssignments.deleteById(id, { abortSignal: signal });
      } else await this.#clients.resources.resources.deleteById(id, apiVersion, options);
    });
  }

  async roleAssignmentsWithin(scope: string, signal: AbortSignal): Promise<readonly RoleAssignmentFacts[]> {
    const found = await askingFor(`listing the rights at ${scope}`, signal, async () => {
      const list: RoleAssignmentFacts[] = [];
      const pages = this.#clients.authorization.roleAssignments.listForScope(scope, { abortSignal: signal });
      for await (const { id = '', name = '', scope: at = '', principalId = '', principalType = '', roleDefinitionId = '' } of pages) {
        // What is inherited from above comes along.
        if (!`${at}/`.toLowerCase().startsWith(`${scope}/`.toLowerCase())) continue;
        list.push({ id, name, scope: at, principalId, principalType, roleDefinitionGuid: roleDefinitionId.split('/').at(-1) ?? '' });
      }
      return list;
    });
    return found ?? [];
  }

  async powerState(vmId: string, signal: AbortSignal): Promise<string | undefined> {
    const { resourceGroup = '', name } = parseResourceId(vmId);
    const view = await askingFor(`reading the state of ${name}`, signal, () =>
      this.#clients.compute.virtualMachines.instanceView(resourceGroup, name, { abortSignal: signal }),
    );
    const code = view?.statuses?.find((status) => status.code?.startsWith('PowerState/'))?.code;
    return view === undefined ? undefined : (code?.slice('PowerState/'.length) ?? 'unknown');
  }
}

/** The name of the group when the id is a group's. */
function groupOf(id: string): string | undefined {
  const { type, name } = parseResourceId(id);
  return type === RESOURCE_GROUPS ? name : undefined;
}

function readResource({ id = '', type = '', name = '', location, tags, sku, identity, properties }: SdkResource): ArmResource {
  return {
    id,
    type: type === '' ? parseResourceId(id).type : type,
    name,
    ...(location === undefined ? {} : { location }),
    ...(tags === undefined ? {} : { tags }),
    ...(sku === undefined ? {} : { sku }),
    ...(identity === undefined ? {} : { identity }),
    ...(isJsonObject(properties) ? { properties } : {}),
  };
}

/** What comes out of a JSON parser is JSON. */
function isJsonObject(value: unknown): value is NonNullable<ArmResource['properties']> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

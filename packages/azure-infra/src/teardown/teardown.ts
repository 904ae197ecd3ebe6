import type { ResourceManager } from '../arm/resource-manager.ts';
import { runningDeployments } from '../deploy/running-deployments.ts';
import { InfraError } from '../errors.ts';
import { parseResourceId } from '../graph/resource-id.ts';
import { ROLE_DEFINITION } from '../graph/role-definition.ts';
import { deletionApiVersion } from './deletable-types.ts';
import type { Inventory } from './inventory.ts';

/** Something that a teardown deletes. */
export interface Deletion {
  readonly id: string;
  readonly type: string;
  readonly name: string;
}

/** How to tear down. */
export interface TeardownOptions {
  readonly signal: AbortSignal;
  readonly onDeleting?: (deletion: Deletion) => void;
  readonly onDeleted?: (deletion: Deletion) => void;
}

/** What a teardown would delete, in its order: rights, roles, then single resources of groups that stay, then groups with all that is in them. */
export function deletionsOf({ roleAssignments, roleDefinitions, resources, groups }: Inventory): Deletion[] {
  const goesWithGroup = (id: string): boolean => {
    const { resourceGroup } = parseResourceId(id);
    return groups.some(({ name }) => name.toLowerCase() === resourceGroup?.toLowerCase());
  };
  return [
    ...roleAssignments.map(({ id }) => ({ id, type: 'Microsoft.Authorization/roleAssignments', name: id.split('/').at(-1) ?? '' })),
    ...roleDefinitions.map(({ id, name }) => ({ id, type: ROLE_DEFINITION, name })),
    ...resources.filter(({ id }) => !goesWithGroup(id)).map(({ id, type, name }) => ({ id, type, name })),
    ...groups.map(({ id, type, name }) => ({ id, type, name })),
  ];
}

/**
 * Deletes an environment and waits until it is gone. What fails does not keep the rest from going.
 *
 * @returns what was deleted.
 * @throws {InfraError} `INFRA_DEPLOYMENT_ACTIVE`; `INFRA_INCOMPLETE` with everything that could not be deleted, and why.
 */
export async function tearDown(manager: ResourceManager, inventory: Inventory, options: TeardownOptions): Promise<readonly Deletion[]> {
  const { signal, onDeleting, onDeleted } = options;
  const [running] = await runningDeployments(manager, inventory.environment, signal);
  if (running !== undefined) {
    throw new InfraError(
      'INFRA_DEPLOYMENT_ACTIVE',
      `the deployment ${running.name} of this environment is running and would make again what is deleted. Wait until it has ended, or stop ` +
        `it with "az deployment sub cancel --name ${running.name}". Nothing was deleted`,
    );
  }
  const deleted: Deletion[] = [];
  const failures: { readonly deletion: Deletion; readonly reason: unknown }[] = [];
  for (const deletion of deletionsOf(inventory)) {
    signal.throwIfAborted();
    onDeleting?.(deletion);
    try {
      await manager.resources.delete(deletion.id, apiVersionOf(deletion), signal);
      deleted.push(deletion);
      onDeleted?.(deletion);
    } catch (reason) {
      signal.throwIfAborted();
      failures.push({ deletion, reason });
    }
  }
  if (failures.length > 0) {
    const list = failures.map(
      ({ deletion, reason }) => `  ${deletion.name} (${deletion.type}): ${reason instanceof Error ? reason.message : String(reason)}`,
    );
    throw new InfraError(
      'INFRA_INCOMPLETE',
      `${failures.length} of ${failures.length + deleted.length} could not be deleted:\n${list.join('\n')}\nRun the same command again once the reasons are mended`,
      [],
      { cause: failures[0]?.reason },
    );
  }
  return deleted;
}

function apiVersionOf({ type, id }: Deletion): string {
  const version = deletionApiVersion(type);
  if (version === undefined) {
    throw new InfraError('INFRA_INCOMPLETE', `it is not of a type that this program makes; "az resource delete --ids ${id}" deletes it`);
  }
  return version;
}

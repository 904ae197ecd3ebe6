import { armGuid } from '../template/arm-guid.ts';
import { resourceGroupId } from './resource-id.ts';
import type { Resource, Role } from './resource.ts';

/** Type of a role that is not Azure's own. */
export const ROLE_DEFINITION = 'Microsoft.Authorization/roleDefinitions';
/** Of role definitions. */
export const ROLE_DEFINITION_API_VERSION = '2022-04-01';

/** What a role of a resource group allows. */
export interface CustomRole {
  /** Tells the roles of a group apart. */
  readonly title: string;
  readonly description: string;
  /** On resources: `Microsoft.Compute/virtualMachines/read`. */
  readonly actions: readonly string[];
  /** On data: `Microsoft.Storage/…/messages/read`. */
  readonly dataActions: readonly string[];
}

/** Digits of the GUID in the name of a definition, which must differ from that of every other role of the tenant. */
const NAME_DIGITS = 8;

/** The role of this title that can be assigned within a resource group and nowhere else. The same in every run. */
export function customRole(subscriptionId: string, resourceGroup: string, title: string): Role {
  const guid = armGuid(resourceGroupId(subscriptionId, resourceGroup).toLowerCase(), title);
  return { name: title, guid };
}

/** Makes such a role. It belongs to the tenant, so it does not go with the resource group. */
export function roleDefinition(key: string, subscriptionId: string, resourceGroup: string, definition: CustomRole): Resource {
  const { name, guid } = customRole(subscriptionId, resourceGroup, definition.title);
  return {
    key,
    type: ROLE_DEFINITION,
    apiVersion: ROLE_DEFINITION_API_VERSION,
    name: guid,
    properties: {
      roleName: `${name} (${resourceGroup}, ${guid.slice(0, NAME_DIGITS)})`,
      description: definition.description,
      type: 'CustomRole',
      permissions: [{ actions: definition.actions, notActions: [], dataActions: definition.dataActions, notDataActions: [] }],
      assignableScopes: [resourceGroupId(subscriptionId, resourceGroup)],
    },
    dependsOn: [],
  };
}

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/index.ts';
import { renderTemplate, trainingEnvironment } from '../../src/index.ts';
import { FACTS, settings } from './environment-under-test.ts';

const READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const CONTRIBUTOR_OF_DATA = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';
/** Owner, Contributor, User Access Administrator, Role Based Access Control Administrator, Storage Blob Data Owner. */
const POWERFUL = [
  '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  'b24988ac-6180-42a0-ab88-20f7382dd24c',
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9',
  'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
];

/** Every resource of a template, nested deployments opened. */
function resourcesOf(template: JsonValue): JsonObject[] {
  const { resources } = template as { resources: JsonObject[] };
  return resources.flatMap((resource) => {
    const inner = (resource['properties'] as JsonObject | undefined)?.['template'];
    return inner === undefined ? [resource] : [resource, ...resourcesOf(inner)];
  });
}

function typed(type: string, identities: ReadonlyMap<string, string>, environment: Readonly<Record<string, string>> = {}): JsonObject[] {
  const graph = trainingEnvironment(settings(environment), FACTS);
  return resourcesOf(renderTemplate(graph, identities)).filter((resource) => resource['type'] === type);
}

const PRINCIPAL = 'bbbbbbbb-0000-4000-8000-000000000002';
const STATES = [
  { state: 'before the VM exists', identities: new Map<string, string>(), vm: "[parameters('principalId')]" },
  { state: 'once it exists', identities: new Map([['vm', PRINCIPAL]]), vm: PRINCIPAL },
];

describe.each(STATES)('the rights in the template, $state', ({ identities, vm }) => {
  const rights = typed('Microsoft.Authorization/roleAssignments', identities);

  it('are of two roles, each on one container', () => {
    expect(rights).toHaveLength(4);
    for (const right of rights) {
      const { roleDefinitionId } = right['properties'] as { roleDefinitionId: string };
      expect([READER, CONTRIBUTOR_OF_DATA]).toContain(roleDefinitionId.split('/').at(-1));
      expect(right['scope']).toMatch(/^Microsoft\.Storage\/storageAccounts\/[a-z0-9]+\/blobServices\/default\/containers\/coco2017-wds$/);
    }
  });

  it('let the VM read and nothing more', () => {
    const machine = rights.filter((right) => (right['properties'] as JsonObject)['principalId'] === vm);
    expect(machine).toHaveLength(2);
    for (const right of machine) {
      expect((right['properties'] as { roleDefinitionId: string }).roleDefinitionId).toContain(READER);
      expect((right['properties'] as JsonObject)['principalType']).toBe('ServicePrincipal');
    }
  });

  it('name no role that can change rights or resources', () => {
    const text = JSON.stringify(renderTemplate(trainingEnvironment(settings(), FACTS), identities));
    for (const guid of POWERFUL) expect(text).not.toContain(guid);
  });
});

describe('the template', () => {
  it('makes storage accounts without keys, without public blobs, with TLS 1.2', () => {
    const accounts = typed('Microsoft.Storage/storageAccounts', new Map());
    expect(accounts).toHaveLength(2);
    for (const { properties } of accounts) {
      expect(properties).toMatchObject({
        allowSharedKeyAccess: false,
        allowBlobPublicAccess: false,
        minimumTlsVersion: 'TLS1_2',
        supportsHttpsTrafficOnly: true,
        defaultToOAuthAuthentication: true,
      });
    }
    for (const { properties } of typed('Microsoft.Storage/storageAccounts/blobServices/containers', new Map())) {
      expect(properties).toEqual({ publicAccess: 'None' });
    }
  });

  it('opens port 22 to the given networks and nothing else to anybody', () => {
    const [group] = typed('Microsoft.Network/networkSecurityGroups', new Map());
    const { securityRules } = group?.['properties'] as { securityRules: { properties: JsonObject }[] };
    expect(securityRules).toHaveLength(1);
    expect(securityRules[0]?.properties).toMatchObject({
      destinationPortRange: '22',
      sourceAddressPrefixes: ['203.0.113.7/32'],
      direction: 'Inbound',
      access: 'Allow',
    });
  });

  it.each([{}, { VM_SPOT: 'true' }])('makes a VM that takes SSH keys only, and no password (%j)', (environment) => {
    const [vm] = typed('Microsoft.Compute/virtualMachines', new Map(), environment);
    const { osProfile } = vm?.['properties'] as { osProfile: JsonObject };
    expect(osProfile['linuxConfiguration']).toMatchObject({ disablePasswordAuthentication: true });
    expect(osProfile).not.toHaveProperty('adminPassword');
    expect(vm?.['identity']).toEqual({ type: 'SystemAssigned' });
  });
});

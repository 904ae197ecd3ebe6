import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  cacheWarmerRoles,
  planFromNothing,
  plannedResources,
  renderTemplate,
  storageAccountName,
  type JsonObject,
  type JsonValue,
  type KnownIdentities,
} from '../../src/index.ts';
import { FACTS } from '../graph/environment-under-test.ts';
import { cacheWarmer } from './cache-warmer-under-test.ts';

const GROUP = 'warpdrive-forge-rg-cachewarmer';
const ROLES = cacheWarmerRoles(FACTS.subscriptionId, GROUP);
const SENDER = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a';
const QUEUE_READER = '19e7f393-937e-4f77-808e-94535e297925';
const BLOB_READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const BLOB_CONTRIBUTOR = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';

/** Every resource of a template, nested deployments opened. */
function resourcesOf(template: JsonValue): JsonObject[] {
  const { resources } = template as { resources: JsonObject[] };
  return resources.flatMap((resource) => {
    const inner = (resource['properties'] as JsonObject | undefined)?.['template'];
    return inner === undefined ? [resource] : [resource, ...resourcesOf(inner)];
  });
}

function typed(type: string, variables: Readonly<Record<string, string>> = {}, identities: KnownIdentities = new Map()): JsonObject[] {
  return resourcesOf(renderTemplate(cacheWarmer(variables), identities)).filter((resource) => resource['type'] === type);
}

function nameOf({ name }: JsonObject): string {
  return typeof name === 'string' ? name : '';
}

const MANAGER = 'bbbbbbbb-0000-4000-8000-000000000001';
const WORKERS = 'bbbbbbbb-0000-4000-8000-000000000002';

describe('the roles of a CacheWarmer', () => {
  const rights = typed(
    'Microsoft.Authorization/roleAssignments',
    {},
    new Map([
      ['manager', MANAGER],
      ['workers', WORKERS],
    ]),
  ).map(({ scope, properties }) => {
    const { principalId, roleDefinitionId } = properties as { principalId: string; roleDefinitionId: string };
    const where = typeof scope === 'string' ? (scope.split('/').at(-1) ?? '') : 'group';
    return [principalId, where, roleDefinitionId.split('/').at(-1)] as const;
  });
  const account = storageAccountName('c', FACTS.subscriptionId, GROUP, 'canadacentral');

  it('are the least of each, and nobody is Owner or Contributor', () => {
    expect(rights).toEqual([
      [MANAGER, 'group', ROLES.scale.guid],
      [MANAGER, 'cwjob', ROLES.queue.guid],
      [MANAGER, 'cwjob-poison', SENDER],
      [MANAGER, 'cwwork', ROLES.queue.guid],
      [MANAGER, 'cwrecords', BLOB_CONTRIBUTOR],
      [WORKERS, 'cwwork', ROLES.queue.guid],
      [WORKERS, 'cwwork-poison', SENDER],
      [WORKERS, 'cwrecords', BLOB_CONTRIBUTOR],
      [FACTS.caller.objectId, 'cwjob', SENDER],
      [FACTS.caller.objectId, account, QUEUE_READER],
      [FACTS.caller.objectId, 'cwrecords', BLOB_READER],
    ]);
  });

  it('are, where Azure has none, of its own: without wildcards, and only for its group', () => {
    const definitions = typed('Microsoft.Authorization/roleDefinitions');
    expect(definitions.map(({ name }) => name)).toEqual([ROLES.scale.guid, ROLES.queue.guid]);
    for (const { properties } of definitions) {
      const { assignableScopes, permissions } = properties as { assignableScopes: string[]; permissions: Record<string, string[]>[] };
      expect(assignableScopes).toEqual([`/subscriptions/${FACTS.subscriptionId}/resourceGroups/${GROUP}`]);
      for (const action of permissions.flatMap((permission) => Object.values(permission).flat())) {
        expect(action).not.toContain('*');
        expect(action).not.toMatch(/^Microsoft\.Authorization\//);
      }
    }
  });

  it('come after what they are for and after their definitions', () => {
    const nested = resourcesOf(renderTemplate(cacheWarmer(), new Map())).filter((resource) => nameOf(resource).includes('rights-of'));
    expect(nested.map((resource) => nameOf(resource).length <= 64)).toEqual([true, true]);
    const [ofManager] = nested;
    expect(JSON.stringify(ofManager?.['dependsOn'])).toContain(ROLES.scale.guid);
    expect(JSON.stringify(ofManager?.['dependsOn'])).toContain("'cwjob'");
    const { parameters } = ofManager?.['properties'] as JsonObject;
    expect(JSON.stringify(parameters)).toContain(
      "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'cw-manager'), '2023-01-31').principalId]",
    );
  });
});

describe('the template of a CacheWarmer', () => {
  it('has an account without keys and public blobs, with the queues and the container that it is told', () => {
    const [account] = typed('Microsoft.Storage/storageAccounts');
    expect(account?.['properties']).toMatchObject({
      allowSharedKeyAccess: false,
      allowBlobPublicAccess: false,
      minimumTlsVersion: 'TLS1_2',
    });
    const names = (type: string): string[] => typed(type).map((resource) => nameOf(resource).split('/').at(-1) ?? '');
    expect(names('Microsoft.Storage/storageAccounts/queueServices/queues')).toEqual(['cwjob', 'cwjob-poison', 'cwwork', 'cwwork-poison']);
    expect(names('Microsoft.Storage/storageAccounts/blobServices/containers')).toEqual(['cwrecords']);
  });

  it('lets nobody in but by SSH to the controller from the given networks', () => {
    const rules = typed('Microsoft.Network/networkSecurityGroups', { CACHEWARMER_FILER: 'true' }).map(({ name, properties }) => [
      name,
      (properties as { securityRules: { properties: JsonObject }[] }).securityRules.map((rule) => rule.properties['sourceAddressPrefixes']),
    ]);
    expect(rules).toEqual([
      ['cw-controller-nsg', [['203.0.113.7/32']]],
      ['cw-workers-nsg', []],
      ['cw-filer-nsg', []],
    ]);
    // Every subnet has a guard, and no machine but the controller a public address.
    for (const { properties } of typed('Microsoft.Network/virtualNetworks', { CACHEWARMER_FILER: 'true' })) {
      for (const subnet of (properties as { subnets: { properties: JsonObject }[] }).subnets)
        expect(subnet.properties).toHaveProperty('networkSecurityGroup');
    }
    const interfaces = typed('Microsoft.Network/networkInterfaces', { CACHEWARMER_FILER: 'true' });
    expect(interfaces.filter((one) => JSON.stringify(one).includes('publicIPAddress')).map(({ name }) => name)).toEqual([
      'cw-controller-nic',
    ]);
    expect(JSON.stringify(typed('Microsoft.Compute/virtualMachineScaleSets'))).not.toContain('publicIPAddress');
  });

  it('makes an empty, flexible scale set of Spot machines that are deleted when they are evicted', () => {
    const [set] = typed('Microsoft.Compute/virtualMachineScaleSets', { CACHEWARMER_WORKER_SIZE: 'Standard_D8s_v5' });
    expect(set).toMatchObject({
      sku: { name: 'Standard_D8s_v5', capacity: 0 },
      identity: { type: 'UserAssigned' },
      properties: {
        orchestrationMode: 'Flexible',
        platformFaultDomainCount: 1,
        virtualMachineProfile: {
          priority: 'Spot',
          evictionPolicy: 'Delete',
          osProfile: { linuxConfiguration: { disablePasswordAuthentication: true } },
        },
      },
    });
  });

  it('tells machines names and no secrets', () => {
    const text = JSON.stringify(
      renderTemplate(cacheWarmer({ CACHEWARMER_PACKAGES_URL: 'https://files.blob.core.windows.net/npm' }), new Map()),
    );
    const scripts = [...text.matchAll(/"customData":"([^"]+)"/g)].map(([, data = '']) => {
      const { write_files: files } = parse(Buffer.from(data, 'base64').toString()) as { write_files: { content: string }[] };
      return files[0]?.content ?? '';
    });
    expect(scripts).toHaveLength(2);
    for (const script of scripts) {
      expect(script).toContain("PACKAGES='https://files.blob.core.windows.net/npm'");
      expect(script).not.toMatch(/AccountKey|password|sig=|BEGIN [A-Z ]*PRIVATE KEY/i);
    }
  });

  it('has ways to the internet, or none where the network has its own', () => {
    const gateways = (variables: Record<string, string>): unknown[] =>
      typed('Microsoft.Network/natGateways', variables).map(({ name }) => name);
    expect(gateways({ CACHEWARMER_FILER: 'true' })).toEqual(['cw-workers-nat', 'cw-filer-nat']);
    expect(gateways({ CACHEWARMER_FILER: 'true', CACHEWARMER_NAT_GATEWAY: 'false' })).toEqual([]);
    // Storage is reached in either case.
    expect(JSON.stringify(typed('Microsoft.Network/virtualNetworks', { CACHEWARMER_NAT_GATEWAY: 'false' }))).toContain('Microsoft.Storage');
  });

  it('connects the networks of a filer in the other region, both ways', () => {
    const peerings = typed('Microsoft.Network/virtualNetworks/virtualNetworkPeerings', { CACHEWARMER_FILER: 'true' });
    expect(peerings.map(({ name }) => name)).toEqual(['cw-vnet/to-cw-filer-vnet', 'cw-filer-vnet/to-cw-vnet']);
    const filer = typed('Microsoft.Compute/virtualMachines', { CACHEWARMER_FILER: 'true' }).find(({ name }) => name === 'cw-filer');
    expect(filer?.['location']).toBe('westus3');
  });

  it('is the same in every run, apart from that of the environment for training, and follows the prefix', () => {
    expect(renderTemplate(cacheWarmer(), new Map())).toEqual(renderTemplate(cacheWarmer(), new Map()));
    const graph = cacheWarmer({ CACHEWARMER_QUEUE_PREFIX: 'team-', WARPFORGE_ENVIRONMENT: 'a'.repeat(40) });
    expect([graph.environment, graph.group.name]).toEqual([`${'a'.repeat(40)}-cachewarmer`, GROUP]);
    const plan = planFromNothing(graph);
    expect(plan.deployment.name).toHaveLength(64);
    const names = plannedResources(plan).filter(({ type }) => type.startsWith('Microsoft.Compute/'));
    expect(names.map(({ name }) => name)).toEqual(['team-controller', 'team-workers']);
  });
});

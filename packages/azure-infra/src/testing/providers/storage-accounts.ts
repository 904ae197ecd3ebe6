import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, mergeJson, objectAt, stringAt, withValue, type JsonObject } from '../arm/json.ts';
import type { ResourceId } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';

export const STORAGE_API_VERSIONS: readonly string[] = [
  '2021-09-01',
  '2022-05-01',
  '2022-09-01',
  '2023-01-01',
  '2023-04-01',
  '2023-05-01',
  '2024-01-01',
  '2025-01-01',
  '2025-06-01',
  '2025-08-01',
  '2026-04-01',
  '2026-09-01',
];

export const ACCOUNT_TYPE = 'Microsoft.Storage/storageAccounts';

const SKUS = [
  'Standard_LRS',
  'Standard_GRS',
  'Standard_RAGRS',
  'Standard_ZRS',
  'Premium_LRS',
  'Premium_ZRS',
  'Standard_GZRS',
  'Standard_RAGZRS',
];
const KINDS = ['Storage', 'StorageV2', 'BlobStorage', 'BlockBlobStorage', 'FileStorage'];

const DEFAULTS: JsonObject = {
  accessTier: 'Hot',
  allowBlobPublicAccess: false,
  allowCrossTenantReplication: false,
  minimumTlsVersion: 'TLS1_0',
  networkAcls: { bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [], defaultAction: 'Allow' },
  supportsHttpsTrafficOnly: true,
  encryption: {
    services: { file: { keyType: 'Account', enabled: true }, blob: { keyType: 'Account', enabled: true } },
    keySource: 'Microsoft.Storage',
  },
};

/** Storage accounts. A put of an existing one changes only what it states. */
export const STORAGE_ACCOUNT: ResourceType = {
  type: ACCOUNT_TYPE,
  apiVersions: STORAGE_API_VERSIONS,
  tracked: true,
  naming: {
    pattern: /^[a-z0-9]{3,24}$/,
    rule: 'Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.',
    code: 'AccountNameInvalid',
  },
  put: { polling: 'location', createSeconds: 20, updateSeconds: 0 },
  delete: { polling: 'none', seconds: 0 },
  check: ({ id, body }, context) => {
    oneOf(body, 'kind', KINDS);
    oneOf(body, 'sku.name', SKUS);
    oneOf(body, 'properties.minimumTlsVersion', ['TLS1_0', 'TLS1_1', 'TLS1_2', 'TLS1_3']);
    oneOf(body, 'properties.accessTier', ['Hot', 'Cool', 'Cold', 'Premium']);
    oneOf(body, 'properties.publicNetworkAccess', ['Enabled', 'Disabled', 'SecuredByPerimeter']);
    oneOf(body, 'properties.networkAcls.defaultAction', ['Allow', 'Deny']);
    for (const flag of ['allowBlobPublicAccess', 'allowSharedKeyAccess', 'supportsHttpsTrafficOnly', 'defaultToOAuthAuthentication']) {
      oneOf(body, `properties.${flag}`, [true, false]);
    }
    const taken = nameIsTaken(id, context);
    if (taken !== undefined) throw new ArmError(409, taken, `The storage account named ${id.name} is already taken.`);
  },
  build,
  view: ({ id }, body, { blobEndpoint, queueEndpoint }) => {
    const other = (service: string): string => `https://${id.name}.${service}.core.windows.net/`;
    return withValue(body, 'properties.primaryEndpoints', {
      blob: blobEndpoint(id.name),
      dfs: other('dfs'),
      queue: queueEndpoint(id.name),
      table: other('table'),
      file: other('file'),
      web: other('web'),
    });
  },
  readOnly: ['provisioningState', 'creationTime', 'primaryLocation', 'statusOfPrimary', 'primaryEndpoints', 'keyCreationTime'].map(
    (name) => `properties.${name}`,
  ),
  whatIfIgnores: [
    'sku.tier',
    ...['provisioningState', 'creationTime', 'primaryLocation', 'statusOfPrimary', 'primaryEndpoints', 'keyCreationTime', 'encryption'],
    ...['privateEndpointConnections', 'accessTier', 'networkAcls.bypass', 'networkAcls.ipRules', 'networkAcls.virtualNetworkRules'],
    ...[
      'networkAcls.defaultAction',
      'allowCrossTenantReplication',
      'supportsHttpsTrafficOnly',
      'minimumTlsVersion',
      'allowBlobPublicAccess',
    ],
  ].map((path) => (path.startsWith('sku') ? path : `properties.${path}`)),
};

/** The error code when the account's name belongs to somebody else, or to another group of the subscription. */
export function nameIsTaken(id: ResourceId | { readonly name: string; readonly key?: string }, context: ArmContext): string | undefined {
  const name = id.name.toLowerCase();
  if (context.takenAccountNames.has(name)) return 'StorageAccountAlreadyTaken';
  const other = context.store.ofType(ACCOUNT_TYPE).find((account) => account.id.name.toLowerCase() === name && account.id.key !== id.key);
  return other === undefined ? undefined : 'StorageAccountAlreadyTaken';
}

function build({ body, current }: DesiredResource, context: ArmContext): JsonObject {
  const kind = text(body, 'kind');
  const sku = text(body, 'sku.name');
  const before = stringAt(current?.body, 'kind');
  if (before !== undefined && before !== kind && !(before === 'Storage' && kind === 'StorageV2')) {
    throw new ArmError(
      409,
      'AccountKindCannotBeChanged',
      `The property 'kind' was specified in the input, but it cannot be updated from '${before}' to '${kind}'.`,
    );
  }
  const hns = at(current?.body, 'properties.isHnsEnabled') ?? false;
  if (current !== undefined && (at(body, 'properties.isHnsEnabled') ?? hns) !== hns) {
    throw new ArmError(
      409,
      'AccountPropertyCannotBeUpdated',
      "The property 'isHnsEnabled' was specified in the input, but it cannot be updated.",
    );
  }
  const skuBefore = stringAt(current?.body, 'sku.name');
  if (skuBefore !== undefined && skuBefore.split('_')[0] !== sku.split('_')[0]) {
    throw new ArmError(409, 'StorageAccountTypeConversionNotAllowed', `It is not allowed to convert a ${skuBefore} account to ${sku}.`);
  }
  const now = context.clock.timestamp();
  const location = normalLocation(text(body, 'location'));
  const given: JsonObject = {
    provisioningState: 'Succeeded',
    creationTime: now,
    keyCreationTime: { key1: now, key2: now },
    primaryLocation: location,
    statusOfPrimary: 'available',
    privateEndpointConnections: [],
    ...DEFAULTS,
  };
  const kept = current === undefined ? given : objectAt(current.body, 'properties');
  return {
    location,
    kind,
    sku: { name: sku, tier: sku.split('_')[0] },
    tags: objectAt(body, 'tags'),
    identity: at(body, 'identity') ?? at(current?.body, 'identity'),
    properties: mergeJson(kept, objectAt(body, 'properties')),
  };
}

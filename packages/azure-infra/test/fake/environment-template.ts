import type { JsonObject } from '../../src/testing/arm/json.ts';
import { SSH_KEY } from './fake-requests.ts';

const API = { network: '2024-05-01', compute: '2024-11-01', storage: '2024-01-01', deployments: '2022-09-01', authorization: '2022-04-01' };
const BLOB_READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';

export function template(resources: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  return {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources,
    ...more,
  };
}

const TAGS = { 'warpforge-env': 'test' };

export const network: JsonObject[] = [
  {
    type: 'Microsoft.Network/networkSecurityGroups',
    apiVersion: API.network,
    name: 'nsg',
    location: 'eastus',
    tags: TAGS,
    properties: {
      securityRules: [
        {
          name: 'ssh',
          properties: {
            priority: 100,
            direction: 'Inbound',
            access: 'Allow',
            protocol: 'Tcp',
            sourcePortRange: '*',
            sourceAddressPrefixes: ['203.0.113.7/32'],
            destinationAddressPrefix: '*',
            destinationPortRange: '22',
          },
        },
      ],
    },
  },
  {
    type: 'Microsoft.Network/virtualNetworks',
    apiVersion: API.network,
    name: 'vnet',
    location: 'eastus',
    tags: TAGS,
    dependsOn: ["[resourceId('Microsoft.Network/networkSecurityGroups', 'nsg')]"],
    properties: {
      addressSpace: { addressPrefixes: ['10.20.0.0/16'] },
      subnets: [
        {
          name: 'default',
          properties: {
            addressPrefix: '10.20.0.0/24',
            networkSecurityGroup: { id: "[resourceId('Microsoft.Network/networkSecurityGroups', 'nsg')]" },
          },
        },
      ],
    },
  },
  {
    type: 'Microsoft.Network/publicIPAddresses',
    apiVersion: API.network,
    name: 'ip',
    location: 'eastus',
    tags: TAGS,
    sku: { name: 'Standard' },
    properties: { publicIPAllocationMethod: 'Static' },
  },
  {
    type: 'Microsoft.Network/networkInterfaces',
    apiVersion: API.network,
    name: 'nic',
    location: 'eastus',
    tags: TAGS,
    dependsOn: ["[resourceId('Microsoft.Network/virtualNetworks', 'vnet')]", "[resourceId('Microsoft.Network/publicIPAddresses', 'ip')]"],
    properties: {
      ipConfigurations: [
        {
          name: 'ipconfig',
          properties: {
            subnet: { id: "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'vnet', 'default')]" },
            publicIPAddress: { id: "[resourceId('Microsoft.Network/publicIPAddresses', 'ip')]" },
          },
        },
      ],
    },
  },
];

export const machine: JsonObject = {
  type: 'Microsoft.Compute/virtualMachines',
  apiVersion: API.compute,
  name: 'vm',
  location: 'eastus',
  tags: TAGS,
  identity: { type: 'SystemAssigned' },
  dependsOn: ["[resourceId('Microsoft.Network/networkInterfaces', 'nic')]"],
  properties: {
    hardwareProfile: { vmSize: 'Standard_D4s_v5' },
    storageProfile: {
      imageReference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server', version: 'latest' },
      osDisk: {
        createOption: 'FromImage',
        caching: 'ReadWrite',
        managedDisk: { storageAccountType: 'Premium_LRS' },
        deleteOption: 'Delete',
      },
    },
    osProfile: {
      computerName: 'vm',
      adminUsername: 'azureuser',
      customData: Buffer.from('#cloud-config\n').toString('base64'),
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        ssh: { publicKeys: [{ path: '/home/azureuser/.ssh/authorized_keys', keyData: SSH_KEY }] },
      },
    },
    networkProfile: { networkInterfaces: [{ id: "[resourceId('Microsoft.Network/networkInterfaces', 'nic')]" }] },
  },
};

export function storage(account: string): JsonObject[] {
  return [
    {
      type: 'Microsoft.Storage/storageAccounts',
      apiVersion: API.storage,
      name: account,
      location: 'eastus',
      tags: TAGS,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      properties: { allowSharedKeyAccess: false, allowBlobPublicAccess: false, minimumTlsVersion: 'TLS1_2' },
    },
    {
      type: 'Microsoft.Storage/storageAccounts/blobServices/containers',
      apiVersion: API.storage,
      name: `${account}/default/data`,
      dependsOn: [`[resourceId('Microsoft.Storage/storageAccounts', '${account}')]`],
      properties: { publicAccess: 'None' },
    },
  ];
}

export function readerOf(account: string): JsonObject {
  return {
    type: 'Microsoft.Authorization/roleAssignments',
    apiVersion: API.authorization,
    name: `[guid(resourceId('Microsoft.Storage/storageAccounts', '${account}'), parameters('principal'), '${BLOB_READER}')]`,
    scope: `[resourceId('Microsoft.Storage/storageAccounts/blobServices/containers', '${account}', 'default', 'data')]`,
    properties: {
      roleDefinitionId: `[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '${BLOB_READER}')]`,
      principalId: "[parameters('principal')]",
      principalType: 'ServicePrincipal',
    },
  };
}

/** A group, and in it by nested deployments everything of an environment; the role assignment takes the machine's principal as a parameter. */
export function environment(account = 'accounta'): JsonObject {
  const nested = (
    name: string,
    dependsOn: string[],
    resources: JsonObject[],
    parameters: JsonObject,
    declared: JsonObject,
  ): JsonObject => ({
    type: 'Microsoft.Resources/deployments',
    apiVersion: API.deployments,
    name,
    resourceGroup: 'rg',
    dependsOn,
    properties: {
      mode: 'Incremental',
      expressionEvaluationOptions: { scope: 'inner' },
      parameters,
      template: template(resources, { parameters: declared }),
    },
  });
  return template([
    { type: 'Microsoft.Resources/resourceGroups', apiVersion: '2024-03-01', name: 'rg', location: 'eastus', tags: TAGS },
    nested(
      'resources',
      ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'rg')]"],
      [...network, machine, ...storage(account)],
      {},
      {},
    ),
    nested(
      'roles',
      ['resources'],
      [readerOf(account)],
      {
        principal: {
          value:
            "[reference(resourceId(subscription().subscriptionId, 'rg', 'Microsoft.Compute/virtualMachines', 'vm'), '2024-11-01', 'Full').identity.principalId]",
        },
      },
      { principal: { type: 'string' } },
    ),
  ]);
}

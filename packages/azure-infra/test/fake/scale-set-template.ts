import type { JsonObject } from '../../src/testing/arm/json.ts';
import { GROUP, SSH_KEY } from './fake-requests.ts';

const SUBNET = "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'vnet', 'default')]";
export const SCALE_SET = `${GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/workers`;
export const WORKERS_IDENTITY = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/workers`;

export function identity(name: string): JsonObject {
  return { type: 'Microsoft.ManagedIdentity/userAssignedIdentities', apiVersion: '2023-01-31', name, location: 'eastus' };
}

/** An empty scale set of Spot machines in the network of `environment-template.ts`, with an identity that must exist. */
export const scaleSet: JsonObject = {
  type: 'Microsoft.Compute/virtualMachineScaleSets',
  apiVersion: '2024-07-01',
  name: 'workers',
  location: 'eastus',
  tags: { 'warpforge-env': 'test' },
  sku: { name: 'Standard_D4s_v5', tier: 'Standard', capacity: 0 },
  identity: { type: 'UserAssigned', userAssignedIdentities: { [WORKERS_IDENTITY]: {} } },
  dependsOn: [
    "[resourceId('Microsoft.Network/virtualNetworks', 'vnet')]",
    "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'workers')]",
  ],
  properties: {
    orchestrationMode: 'Flexible',
    platformFaultDomainCount: 1,
    virtualMachineProfile: {
      priority: 'Spot',
      evictionPolicy: 'Delete',
      billingProfile: { maxPrice: -1 },
      storageProfile: {
        imageReference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server', version: 'latest' },
        osDisk: {
          createOption: 'FromImage',
          diskSizeGB: 32,
          deleteOption: 'Delete',
          managedDisk: { storageAccountType: 'StandardSSD_LRS' },
        },
      },
      osProfile: {
        computerNamePrefix: 'worker',
        adminUsername: 'azureuser',
        customData: Buffer.from('#cloud-config\n').toString('base64'),
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: '/home/azureuser/.ssh/authorized_keys', keyData: SSH_KEY }] },
        },
      },
      networkProfile: {
        networkApiVersion: '2020-11-01',
        networkInterfaceConfigurations: [
          {
            name: 'nic',
            properties: { primary: true, ipConfigurations: [{ name: 'primary', properties: { primary: true, subnet: { id: SUBNET } } }] },
          },
        ],
      },
    },
  },
};

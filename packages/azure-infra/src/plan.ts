import type {
  BlobContainer,
  NetworkInterface,
  NetworkSecurityGroup,
  PublicIpAddress,
  Resource,
  ResourceGroup,
  RoleAssignment,
  StorageAccount,
  VirtualMachine,
  VirtualNetwork,
} from './resource.ts';
import type { InfraSettings } from './settings.ts';
import { storageAccountName } from './storage-account-name.ts';

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage#storage-blob-data-reader
const READER = { role: 'Storage Blob Data Reader', roleDefinitionId: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' };

const ADDRESS_SPACE = '10.20.0.0/16';
const SUBNET = { name: 'default', addressPrefix: '10.20.0.0/24' };

/** Rules are ordered by priority, 100 is the first that a person may use. */
const SSH_PRIORITY = 100;

/**
 * The resources of an environment, each after those that it depends on. A pure function: the same settings give the same plan, names
 * included.
 */
export function planResources(settings: InfraSettings): readonly Resource[] {
  const group: ResourceGroup = {
    id: 'group',
    type: 'Microsoft.Resources/resourceGroups',
    name: settings.resourceGroup,
    location: settings.locations.a,
    dependsOn: [],
    properties: {},
  };
  const network = planNetwork(settings);
  const machine = planMachine(settings);
  const storage = (['a', 'b'] as const).map((letter) => planStorage(settings, letter));
  return [
    group,
    ...storage.flatMap(({ account, container }) => [account, container]),
    ...network,
    machine,
    ...storage.map(({ container }) => planReader(machine, container)),
  ];
}

function planStorage(settings: InfraSettings, letter: 'a' | 'b'): { account: StorageAccount; container: BlobContainer } {
  const location = settings.locations[letter];
  const name = settings.storageAccounts[letter] ?? storageAccountName(letter, settings.subscriptionId, settings.resourceGroup, location);
  const account: StorageAccount = {
    id: `storage-${letter}`,
    type: 'Microsoft.Storage/storageAccounts',
    name,
    location,
    dependsOn: ['group'],
    properties: {
      kind: 'StorageV2',
      sku: 'Standard_LRS',
      minimumTlsVersion: 'TLS1_2',
      allowBlobPublicAccess: false,
      allowSharedKeyAccess: false,
    },
  };
  const container: BlobContainer = {
    id: `container-${letter}`,
    type: 'Microsoft.Storage/storageAccounts/blobServices/containers',
    name: settings.container,
    dependsOn: [account.id],
    properties: { account: name, publicAccess: 'None' },
  };
  return { account, container };
}

function planNetwork(settings: InfraSettings): readonly [NetworkSecurityGroup, VirtualNetwork, PublicIpAddress, NetworkInterface] {
  const location = settings.locations.a;
  const securityGroup: NetworkSecurityGroup = {
    id: 'security-group',
    type: 'Microsoft.Network/networkSecurityGroups',
    name: `${settings.vm.name}-nsg`,
    location,
    dependsOn: ['group'],
    properties: {
      rules:
        settings.sshSources.length === 0
          ? []
          : [
              {
                name: 'ssh',
                priority: SSH_PRIORITY,
                direction: 'Inbound',
                access: 'Allow',
                protocol: 'Tcp',
                port: 22,
                sources: settings.sshSources,
              },
            ],
    },
  };
  const virtualNetwork: VirtualNetwork = {
    id: 'network',
    type: 'Microsoft.Network/virtualNetworks',
    name: `${settings.vm.name}-vnet`,
    location,
    dependsOn: [securityGroup.id],
    properties: { addressSpace: ADDRESS_SPACE, subnet: { ...SUBNET, networkSecurityGroup: securityGroup.name } },
  };
  const publicIpAddress: PublicIpAddress = {
    id: 'public-ip',
    type: 'Microsoft.Network/publicIPAddresses',
    name: `${settings.vm.name}-ip`,
    location,
    dependsOn: ['group'],
    properties: { sku: 'Standard', allocation: 'Static' },
  };
  const networkInterface: NetworkInterface = {
    id: 'interface',
    type: 'Microsoft.Network/networkInterfaces',
    name: `${settings.vm.name}-nic`,
    location,
    dependsOn: [virtualNetwork.id, publicIpAddress.id],
    properties: { virtualNetwork: virtualNetwork.name, subnet: SUBNET.name, publicIpAddress: publicIpAddress.name },
  };
  return [securityGroup, virtualNetwork, publicIpAddress, networkInterface];
}

function planMachine(settings: InfraSettings): VirtualMachine {
  return {
    id: 'vm',
    type: 'Microsoft.Compute/virtualMachines',
    name: settings.vm.name,
    location: settings.locations.a,
    dependsOn: ['interface'],
    properties: {
      size: settings.vm.size,
      image: settings.vm.image,
      adminUser: settings.vm.adminUser,
      authentication: 'ssh-key',
      identity: 'SystemAssigned',
      networkInterface: `${settings.vm.name}-nic`,
    },
  };
}

/** The VM may read the container and nothing else of the account. */
function planReader(machine: VirtualMachine, container: BlobContainer): RoleAssignment {
  const scope = `${container.properties.account}/${container.name}`;
  return {
    id: `reader-${container.id}`,
    type: 'Microsoft.Authorization/roleAssignments',
    name: `${machine.name} reads ${scope}`,
    dependsOn: [machine.id, container.id],
    properties: { ...READER, scope, principalOf: machine.name },
  };
}

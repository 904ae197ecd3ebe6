import { DEFAULT_SUBNET, networkInterface, publicIpAddress, sshSecurityGroup, virtualNetwork } from '../graph/network.ts';
import { ResourceGraph } from '../graph/resource-graph.ts';
import type { RoleAssignment } from '../graph/resource.ts';
import { STORAGE_BLOB_DATA_CONTRIBUTOR, STORAGE_BLOB_DATA_READER } from '../graph/roles.ts';
import { blobContainer, storageAccount } from '../graph/storage.ts';
import { virtualMachine } from '../graph/virtual-machine.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { storageAccountName } from '../storage-account-name.ts';
import type { DeploymentFacts } from './deployment-facts.ts';

/** What the environment depends on besides its settings. */
export interface EnvironmentFacts extends DeploymentFacts {
  /** Cloud-init user data of the VM. */
  readonly customData: string;
}

/** Keys of the resources that others refer to. */
export const KEYS = {
  vm: 'vm',
  address: 'public-ip',
  account: { a: 'storage-a', b: 'storage-b' },
  container: { a: 'container-a', b: 'container-b' },
} as const;

/** Names of the two storage accounts: as given, else derived. */
export function storageAccountNames(settings: InfraSettings, subscriptionId: string): { readonly a: string; readonly b: string } {
  const { storageAccounts: given, locations, resourceGroup } = settings;
  return {
    a: given.a ?? storageAccountName('a', subscriptionId, resourceGroup, locations.a),
    b: given.b ?? storageAccountName('b', subscriptionId, resourceGroup, locations.b),
  };
}

/** Small enough to leave room beside other networks that it may be peered with, large enough for a fleet. */
const ADDRESS_SPACE = '10.20.0.0/16';
const SUBNET_PREFIX = '10.20.0.0/24';

/**
 * The environment of the deployment guide: two storage accounts in two regions with a container each, and a VM that may read both. Pure:
 * the same settings and facts give the same graph, names included.
 */
export function trainingEnvironment(settings: InfraSettings, facts: EnvironmentFacts): ResourceGraph {
  const { vm, locations } = settings;
  const names = storageAccountNames(settings, facts.subscriptionId);
  const storage = (['a', 'b'] as const).map((letter) => {
    const account = storageAccount({ key: KEYS.account[letter], name: names[letter], location: locations[letter] });
    return { account, container: blobContainer({ key: KEYS.container[letter], account, name: settings.container }) };
  });
  const here = { location: locations.a };
  const securityGroup = sshSecurityGroup({ ...here, key: 'security-group', name: `${vm.name}-nsg`, sources: facts.sshSources });
  const network = virtualNetwork({
    ...here,
    key: 'network',
    name: `${vm.name}-vnet`,
    addressSpace: ADDRESS_SPACE,
    subnets: [{ name: DEFAULT_SUBNET, prefix: SUBNET_PREFIX, securityGroup }],
  });
  const address = publicIpAddress({ ...here, key: KEYS.address, name: `${vm.name}-ip` });
  const nic = networkInterface({ ...here, key: 'interface', name: `${vm.name}-nic`, network, address });
  const machine = virtualMachine({
    ...here,
    ...vm,
    key: KEYS.vm,
    sshPublicKey: facts.sshPublicKey,
    customData: facts.customData,
    networkInterface: nic,
  });
  const rights = storage.flatMap(({ container }): RoleAssignment[] => [
    { key: `reader-${container.key}`, scope: container.key, role: STORAGE_BLOB_DATA_READER, principal: { identityOf: KEYS.vm } },
    { key: `writer-${container.key}`, scope: container.key, role: STORAGE_BLOB_DATA_CONTRIBUTOR, principal: facts.caller },
  ]);
  return new ResourceGraph({
    environment: settings.environment,
    subscriptionId: facts.subscriptionId,
    group: { name: settings.resourceGroup, location: locations.a, managed: facts.ownsGroup },
    tags: settings.tags,
    resources: [...storage.flatMap(({ account, container }) => [account, container]), securityGroup, network, address, nic, machine],
    roleAssignments: rights,
  });
}

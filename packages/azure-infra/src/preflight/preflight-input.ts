import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import { sameResourceId } from '../graph/resource-id.ts';
import { STORAGE_ACCOUNT } from '../graph/storage.ts';
import { VIRTUAL_MACHINE } from '../graph/virtual-machine.ts';
import { vmFacts, type VmAllocation } from '../vm-facts.ts';

/** What is going to be deployed, as far as it can be checked before. */
export interface PreflightInput {
  readonly environment: string;
  /** The group and whether it belongs to the environment; one that does not is used as it is. */
  readonly group: { readonly name: string; readonly location: string; readonly managed: boolean };
  /** Short names of all regions in which something is made. */
  readonly locations: readonly string[];
  readonly vms: readonly {
    readonly name: string;
    readonly planned: VmAllocation;
    /** What the VM of this name is now; undefined when there is none. */
    readonly existing: VmAllocation | undefined;
  }[];
  /** Names of storage accounts, and whether each exists already as the environment's own. */
  readonly storageAccounts: readonly { readonly name: string; readonly exists: boolean }[];
  /** Object id of who deploys. */
  readonly callerId: string;
  /** Reads the public key, as `readSshPublicKey` does; what it rejects with becomes a finding. */
  readonly sshPublicKey: () => Promise<string>;
  /** Networks in CIDR notation that are to reach port 22. */
  readonly sshSources: readonly string[];
}

/** What a graph does not tell. */
export interface PreflightFacts extends Pick<PreflightInput, 'callerId' | 'sshPublicKey' | 'sshSources'> {
  /** Resources with the environment's tag that exist already. */
  readonly existing: readonly ArmResource[];
}

/** What of a graph is checked before it is deployed. */
export function preflightInput(graph: ResourceGraph, { existing, ...facts }: PreflightFacts): PreflightInput {
  const find = (key: string): ArmResource | undefined => existing.find(({ id }) => sameResourceId(id, graph.idOf(key)));
  const ofType = (wanted: string): ResourceGraph['resources'] => graph.resources.filter(({ type }) => type === wanted);
  return {
    ...facts,
    environment: graph.environment,
    group: graph.group,
    locations: [...new Set([graph.group.location, ...graph.resources.flatMap(({ location }) => location ?? [])])],
    vms: ofType(VIRTUAL_MACHINE).flatMap((vm) => {
      const planned = vmFacts(vm);
      const found = find(vm.key);
      return planned === undefined ? [] : [{ name: vm.name, planned, existing: found === undefined ? undefined : vmFacts(found) }];
    }),
    storageAccounts: ofType(STORAGE_ACCOUNT).map(({ key, name }) => ({ name, exists: find(key) !== undefined })),
  };
}

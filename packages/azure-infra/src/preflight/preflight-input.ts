import { z } from 'zod';
import { KEYS as TRAINING_KEYS } from '../environment/training-environment.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { Resource } from '../graph/resource.ts';
import { ROLE_DEFINITION } from '../graph/role-definition.ts';
import { SCALE_SET } from '../graph/scale-set.ts';
import { STORAGE_ACCOUNT } from '../graph/storage.ts';
import { VIRTUAL_MACHINE } from '../graph/virtual-machine.ts';
import { scaleSetFacts, vmFacts, type VmAllocation } from '../vm-facts.ts';

/** What a resource is asked for by. */
export interface Askable {
  readonly id: string;
  readonly apiVersion: string;
}

/** What is going to be deployed, as far as it can be checked before. */
export interface PreflightInput {
  readonly environment: string;
  /** The group and whether it belongs to the environment; one that does not is used as it is. */
  readonly group: { readonly name: string; readonly location: string; readonly managed: boolean };
  /** Short names of all regions in which something is made. */
  readonly locations: readonly string[];
  /** VMs, and scale sets by one instance of each: without room for one there would be no use in it. */
  readonly vms: readonly (Askable & {
    readonly planned: VmAllocation;
    /** Variable of the setting that decides its size. */ readonly sizeSetting: string;
  })[];
  readonly storageAccounts: readonly (Askable & { readonly name: string })[];
  /** Networks that are to reach port 22, in CIDR notation; undefined where nothing is to be reached by SSH. */
  readonly sshSources: readonly string[] | undefined;
  /** Whether roles of one's own are made. */
  readonly definesRoles: boolean;
  /** Object id of who deploys. */
  readonly callerId: string;
  /** Reads the public key, as `readSshPublicKey` does; what it rejects with becomes a finding. */
  readonly sshPublicKey: () => Promise<string>;
}

/** What a graph does not tell. */
export type PreflightFacts = Pick<PreflightInput, 'callerId' | 'sshPublicKey'>;

/** What of a graph is checked before it is deployed. */
export function preflightInput(graph: ResourceGraph, { callerId, sshPublicKey }: PreflightFacts): PreflightInput {
  const ofType = (wanted: string): (Resource & Askable)[] =>
    graph.resources.filter(({ type }) => type === wanted).map((resource) => ({ ...resource, id: graph.idOf(resource.key) }));
  const vms = ofType(VIRTUAL_MACHINE);
  return {
    callerId,
    sshPublicKey,
    environment: graph.environment,
    group: graph.group,
    locations: [...new Set([graph.group.location, ...graph.resources.flatMap(({ location }) => location ?? [])])],
    vms: [...vms, ...ofType(SCALE_SET)].flatMap(({ id, apiVersion, ...vm }) => {
      const planned = vmFacts(vm) ?? scaleSetFacts(vm);
      return planned === undefined ? [] : [{ id, apiVersion, planned, sizeSetting: sizeSettingOf(vm) }];
    }),
    storageAccounts: ofType(STORAGE_ACCOUNT).map(({ id, apiVersion, name }) => ({ id, apiVersion, name })),
    definesRoles: ofType(ROLE_DEFINITION).length > 0,
    sshSources: vms.length === 0 ? undefined : graph.resources.flatMap(sshSourcesOf),
  };
}

function sizeSettingOf({ type, key }: Pick<Resource, 'type' | 'key'>): string {
  if (type === SCALE_SET) return 'CACHEWARMER_WORKER_SIZE';
  return key === TRAINING_KEYS.vm ? 'VM_SIZE' : 'CACHEWARMER_CONTROLLER_SIZE';
}

const SSH_PORT = '22';

const securityGroupSchema = z.object({
  securityRules: z.array(
    z.object({
      properties: z.object({
        access: z.string(),
        direction: z.string(),
        destinationPortRange: z.string(),
        sourceAddressPrefixes: z.array(z.string()),
      }),
    }),
  ),
});

/** Where the rules of a security group let SSH come from. */
function sshSourcesOf({ properties }: Resource): string[] {
  const parsed = securityGroupSchema.safeParse(properties);
  if (!parsed.success) return [];
  return parsed.data.securityRules
    .map((rule) => rule.properties)
    .filter((rule) => rule.access === 'Allow' && rule.direction === 'Inbound' && rule.destinationPortRange === SSH_PORT)
    .flatMap((rule) => rule.sourceAddressPrefixes);
}

import type { ResourceManager } from '../arm/resource-manager.ts';
import { callerNetwork } from '../caller-address.ts';
import type { Caller } from '../credential.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import type { Principal } from '../graph/resource.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { GROUP_API_VERSION } from '../template/render.ts';

/** What every environment depends on besides its settings. */
export interface DeploymentFacts {
  readonly subscriptionId: string;
  /** Who provisions, and may use what was made afterwards. */
  readonly caller: Principal;
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
  /** Networks in CIDR notation that may reach port 22. */
  readonly sshSources: readonly string[];
  /** Whether the resource group is the environment's own; false for one that was there before. */
  readonly ownsGroup: boolean;
}

/** What the facts are asked of. */
export interface FactSources {
  readonly manager: ResourceManager;
  readonly caller: Caller;
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
}

/**
 * The facts as the signed-in caller has them. Without `sshSources` in the settings port 22 is open to the caller's own address. A resource
 * group that exists already and is not the environment's is used and left as it is.
 *
 * @throws {InfraError} `INFRA_CALLER_ADDRESS` when that address is needed and not known; {@link ArmError}.
 */
export async function deploymentFacts(
  { sshSources }: InfraSettings,
  resourceGroup: string,
  { manager, caller, sshPublicKey }: FactSources,
  signal: AbortSignal,
): Promise<DeploymentFacts> {
  const groupId = resourceGroupId(manager.subscriptionId, resourceGroup);
  const group = await manager.resources.get(groupId, GROUP_API_VERSION, signal);
  return {
    subscriptionId: manager.subscriptionId,
    caller: { objectId: caller.objectId, type: caller.type },
    sshPublicKey,
    sshSources: sshSources.length > 0 ? sshSources : [callerNetwork(caller.address)],
    ownsGroup: group === undefined || group.tags?.[ENVIRONMENT_TAG] !== undefined,
  };
}

const NOBODY = '00000000-0000-0000-0000-000000000000';
/** A valid key of 32 zero bytes, to which no private key is known. */
const STAND_IN_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} stand-in`;
/** An address of a network that is kept for documentation (RFC 5737). */
const STAND_IN_NETWORK = '203.0.113.1/32';

/** Facts without a sign-in, a key or an address: what is not given is stood in for, with a sentence for each. */
export function standInFacts(
  { subscriptionId, sshSources }: InfraSettings,
  sshPublicKey: string | undefined,
): { readonly facts: DeploymentFacts; readonly standIns: readonly string[] } {
  const standIns: string[] = [`the caller's object id is ${NOBODY}`];
  if (subscriptionId === undefined)
    standIns.push(`the subscription is ${NOBODY}, from which the names of the storage accounts are derived`);
  if (sshPublicKey === undefined) standIns.push('the SSH public key is one that nobody has');
  if (sshSources.length === 0) standIns.push(`port 22 is open to ${STAND_IN_NETWORK}`);
  const facts: DeploymentFacts = {
    subscriptionId: subscriptionId ?? NOBODY,
    caller: { objectId: NOBODY, type: 'User' },
    sshPublicKey: sshPublicKey ?? STAND_IN_KEY,
    sshSources: sshSources.length > 0 ? sshSources : [STAND_IN_NETWORK],
    ownsGroup: true,
  };
  return { facts, standIns };
}

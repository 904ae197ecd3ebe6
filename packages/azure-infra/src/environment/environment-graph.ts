import type { ResourceManager } from '../arm/resource-manager.ts';
import { callerNetwork } from '../caller-address.ts';
import type { Caller } from '../credential.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import { cloudInit } from '../machine/cloud-init.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { GROUP_API_VERSION } from '../template/render.ts';
import { trainingEnvironment } from './training-environment.ts';

/** What a graph is made from besides the settings. */
export interface EnvironmentParts {
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
  /** Version of the programs that cloud-init installs. */
  readonly version: string;
}

/** A graph that was made without Azure, and what in it only stands for what Azure or a person would say. */
export interface OfflineGraph {
  readonly graph: ResourceGraph;
  /** A sentence for each. */
  readonly standIns: readonly string[];
}

/**
 * The environment as the signed-in caller would have it. Without `sshSources` in the settings port 22 is open to the caller's own
 * address. A resource group that exists already and is not the environment's is used and left as it is.
 *
 * @throws {InfraError} `INFRA_CALLER_ADDRESS` when that address is needed and not known; {@link ArmError}.
 */
export async function environmentGraph(
  settings: InfraSettings,
  parts: EnvironmentParts & { readonly manager: ResourceManager; readonly caller: Caller },
  signal: AbortSignal,
): Promise<ResourceGraph> {
  const { manager, caller } = parts;
  const groupId = resourceGroupId(manager.subscriptionId, settings.resourceGroup);
  const group = await manager.resources.get(groupId, GROUP_API_VERSION, signal);
  return trainingEnvironment(settings, {
    subscriptionId: manager.subscriptionId,
    caller: { objectId: caller.objectId, type: caller.type },
    sshPublicKey: parts.sshPublicKey,
    sshSources: settings.sshSources.length > 0 ? settings.sshSources : [callerNetwork(caller.address)],
    customData: customData(settings, parts),
    ownsGroup: group === undefined || group.tags?.[ENVIRONMENT_TAG] !== undefined,
  });
}

const NOBODY = '00000000-0000-0000-0000-000000000000';
/** A valid key of 32 zero bytes, to which no private key is known. */
const STAND_IN_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} stand-in`;
/** An address of a network that is kept for documentation (RFC 5737). */
const STAND_IN_NETWORK = '203.0.113.1/32';

/** The environment without a sign-in, a key or an address: what is not given is stood in for, visibly. */
export function offlineEnvironmentGraph(
  settings: InfraSettings,
  parts: Partial<EnvironmentParts> & { readonly version: string },
): OfflineGraph {
  const standIns: string[] = [`the caller's object id is ${NOBODY}`];
  if (settings.subscriptionId === undefined)
    standIns.push(`the subscription is ${NOBODY}, from which the names of the storage accounts are derived`);
  if (parts.sshPublicKey === undefined) standIns.push('the SSH public key is one that nobody has');
  if (settings.sshSources.length === 0) standIns.push(`port 22 is open to ${STAND_IN_NETWORK}`);
  const graph = trainingEnvironment(settings, {
    subscriptionId: settings.subscriptionId ?? NOBODY,
    caller: { objectId: NOBODY, type: 'User' },
    sshPublicKey: parts.sshPublicKey ?? STAND_IN_KEY,
    sshSources: settings.sshSources.length > 0 ? settings.sshSources : [STAND_IN_NETWORK],
    customData: customData(settings, parts),
    ownsGroup: true,
  });
  return { graph, standIns };
}

function customData({ mount }: InfraSettings, { version }: { readonly version: string }): string {
  return cloudInit({ mountPoint: mount.point, cachePath: mount.cachePath, version });
}

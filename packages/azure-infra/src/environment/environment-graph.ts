import type { ResourceGraph } from '../graph/resource-graph.ts';
import { cloudInit } from '../machine/cloud-init.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { deploymentFacts, standInFacts, type FactSources } from './deployment-facts.ts';
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
 * The environment for training as the signed-in caller would have it.
 *
 * @throws as {@link deploymentFacts}.
 */
export async function environmentGraph(
  settings: InfraSettings,
  parts: EnvironmentParts & FactSources,
  signal: AbortSignal,
): Promise<ResourceGraph> {
  const facts = await deploymentFacts(settings, settings.resourceGroup, parts, signal);
  return trainingEnvironment(settings, { ...facts, customData: customData(settings, parts) });
}

/** The environment for training without a sign-in, a key or an address: what is not given is stood in for, visibly. */
export function offlineEnvironmentGraph(
  settings: InfraSettings,
  parts: Partial<EnvironmentParts> & { readonly version: string },
): OfflineGraph {
  const { facts, standIns } = standInFacts(settings, parts.sshPublicKey);
  return { graph: trainingEnvironment(settings, { ...facts, customData: customData(settings, parts) }), standIns };
}

function customData({ mount }: InfraSettings, { version }: { readonly version: string }): string {
  return cloudInit({ mountPoint: mount.point, cachePath: mount.cachePath, version });
}

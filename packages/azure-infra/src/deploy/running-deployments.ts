import type { DeploymentState, ResourceManager } from '../arm/resource-manager.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';

/** Deployments of an environment that are going on now. */
export async function runningDeployments(
  manager: ResourceManager,
  environment: string,
  signal: AbortSignal,
): Promise<readonly DeploymentState[]> {
  const tagged = await manager.deployments.tagged(ENVIRONMENT_TAG, environment, signal);
  return tagged.filter(({ state }) => state === 'Running');
}

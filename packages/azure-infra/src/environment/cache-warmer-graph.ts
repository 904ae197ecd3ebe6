import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { cacheWarmerEnvironment, type CacheWarmerFacts } from './cache-warmer-environment.ts';
import { deploymentFacts, type FactSources } from './deployment-facts.ts';

/**
 * A CacheWarmer as the signed-in caller would have it.
 *
 * @throws as {@link deploymentFacts}.
 */
export async function cacheWarmerGraph(
  settings: InfraSettings,
  parts: FactSources & Pick<CacheWarmerFacts, 'storageNames' | 'version'>,
  signal: AbortSignal,
): Promise<ResourceGraph> {
  const { storageNames, version } = parts;
  const facts = await deploymentFacts(settings, settings.cacheWarmer.resourceGroup, parts, signal);
  return cacheWarmerEnvironment(settings, { ...facts, storageNames, version });
}

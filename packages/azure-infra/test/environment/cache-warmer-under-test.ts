import { cacheWarmerEnvironment, type CacheWarmerFacts, type ResourceGraph } from '../../src/index.ts';
import { FACTS, settings } from '../graph/environment-under-test.ts';

/** Who provisions a CacheWarmer in tests, and with what. */
export const CACHE_WARMER_FACTS: CacheWarmerFacts = {
  subscriptionId: FACTS.subscriptionId,
  caller: FACTS.caller,
  sshPublicKey: FACTS.sshPublicKey,
  sshSources: FACTS.sshSources,
  ownsGroup: true,
  version: '0.1.0',
  storageNames: { jobs: 'cwjob', work: 'cwwork', jobPoison: 'cwjob-poison', workPoison: 'cwwork-poison', records: 'cwrecords' },
};

/** A CacheWarmer with these variables set. */
export function cacheWarmer(variables: Readonly<Record<string, string>> = {}, facts: Partial<CacheWarmerFacts> = {}): ResourceGraph {
  return cacheWarmerEnvironment(settings(variables), { ...CACHE_WARMER_FACTS, ...facts });
}

import { InfraError } from './errors.ts';
import type { InfraSettings } from './settings.ts';

/**
 * Deploys the plan to Azure. Not part of this version: nothing is sent anywhere.
 *
 * @throws {InfraError} always, with `INFRA_NOT_AVAILABLE`.
 */
export function provision(settings: InfraSettings): Promise<never> {
  return Promise.reject(
    new InfraError(
      'INFRA_NOT_AVAILABLE',
      `deploying is not part of this version, nothing was created in ${settings.resourceGroup}; ` +
        '"warpforge-infra plan --offline" shows what a deployment consists of',
    ),
  );
}

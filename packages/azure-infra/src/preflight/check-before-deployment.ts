import { azureFacts, UnansweredError, type AskedAzure, type AzureFacts } from './azure-facts.ts';
import { checkQuota } from './check-quota.ts';
import { checkRegions } from './check-regions.ts';
import { checkResourceGroup } from './check-resource-group.ts';
import { checkRights } from './check-rights.ts';
import { checkSshKey } from './check-ssh-key.ts';
import { checkSshSources } from './check-ssh-sources.ts';
import { checkStorageNames } from './check-storage-names.ts';
import { checkVmSizes } from './check-vm-sizes.ts';
import type { Check } from './check.ts';
import type { Finding } from './finding.ts';
import type { PreflightInput } from './preflight-input.ts';

const CHECKS: readonly Check[] = [
  checkRights,
  checkResourceGroup,
  checkRegions,
  checkVmSizes,
  checkQuota,
  checkStorageNames,
  checkSshKey,
  checkSshSources,
];

/**
 * Looks, all at once, for what would make a deployment fail halfway: everything that is found is told, in a fixed order. What Azure does
 * not let the caller read is a warning, since the deployment may be allowed nevertheless.
 */
export async function checkBeforeDeployment(input: PreflightInput, azure: AskedAzure, signal: AbortSignal): Promise<Finding[]> {
  const facts = azureFacts(azure, signal);
  const findings = await Promise.all(CHECKS.map((check) => run(check, input, facts)));
  signal.throwIfAborted();
  return findings.flat();
}

async function run(check: Check, input: PreflightInput, azure: AzureFacts): Promise<Finding[]> {
  const { rule, tells } = check;
  try {
    return (await check.run(input, azure)).map((fault) => ({ rule, ...fault }));
  } catch (error) {
    if (!(error instanceof UnansweredError)) throw error;
    return [
      {
        rule,
        severity: 'warning',
        message: `could not check ${tells}: ${error.message}`,
        suggestion:
          'go on: Azure checks it once more while it deploys; to have it checked here, ask for the role Reader on the subscription',
      },
    ];
  }
}

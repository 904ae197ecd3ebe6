import { isGranted } from './action-match.ts';
import { error, warning, type Check, type Fault } from './check.ts';

const DEPLOY = 'Microsoft.Resources/deployments/write';
const ASSIGN_ROLES = 'Microsoft.Authorization/roleAssignments/write';
const DEFINE_ROLES = 'Microsoft.Authorization/roleDefinitions/write';

/** The caller may deploy to the subscription, and may give the VM its rights, which a Contributor may not. */
export const checkRights: Check = {
  rule: 'INFRA_CHECK_RIGHTS',
  tells: 'whether you may deploy and assign roles',
  async run({ callerId, group, definesRoles }, azure) {
    const grants = await azure.grantedActions(callerId);
    const faults: Fault[] = [];
    if (!isGranted(grants, DEPLOY)) {
      faults.push(error(`you may not deploy to the subscription (${DEPLOY})`, 'ask for the role Contributor on the subscription'));
    }
    if (!isGranted(grants, ASSIGN_ROLES)) {
      const message = `you may not assign roles in the subscription (${ASSIGN_ROLES})`;
      const suggestion = 'ask for the role "Role Based Access Control Administrator" on the subscription or the resource group';
      // What is granted on a group alone is not among the grants of the subscription.
      const exists = (await azure.group(group.name)) !== undefined;
      faults.push(
        exists ? warning(`${message}; you may in the group ${group.name}, which is not known`, suggestion) : error(message, suggestion),
      );
    }
    if (definesRoles && !isGranted(grants, DEFINE_ROLES)) {
      const message = `you may not define roles in the subscription (${DEFINE_ROLES})`;
      const suggestion = 'ask for the role "User Access Administrator" on the subscription or the resource group';
      const exists = (await azure.group(group.name)) !== undefined;
      faults.push(exists ? warning(message, suggestion) : error(message, suggestion));
    }
    return faults;
  },
};

import type { AccessControl } from './access-control.ts';
import { covers } from './built-in-roles.ts';

/**
 * Whether roles for data allow the principal all actions of one of these lists at a queue. An action on the queue itself counts when its
 * role is one for data, too: that somebody may do everything with an account does not open what is in it.
 * https://learn.microsoft.com/azure/storage/queues/authorize-access-azure-active-directory#azure-built-in-roles-for-queues
 */
export function hasQueueRights(access: AccessControl, objectId: string, scope: string, rights: readonly (readonly string[])[]): boolean {
  const roles = access.permissions(objectId, scope).filter(({ dataActions }) => dataActions.length > 0);
  const allows = (action: string): boolean =>
    roles.some(({ actions, notActions, dataActions, notDataActions }) =>
      action.includes('/messages/')
        ? covers(dataActions, action) && !covers(notDataActions, action)
        : covers(actions, action) && !covers(notActions, action),
    );
  return rights.some((all) => all.every(allows));
}

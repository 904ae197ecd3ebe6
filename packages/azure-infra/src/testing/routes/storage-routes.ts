import type { AccessControl } from '../arm/access-control.ts';
import type { ArmContext } from '../arm/context.ts';
import { text } from '../providers/body.ts';
import { nameIsTaken, STORAGE_ACCOUNT, STORAGE_API_VERSIONS } from '../providers/storage-accounts.ts';
import type { Route } from './route.ts';

/** Whether a name for a storage account is free: all customers of Azure share one name space. */
export function storageRoutes(context: ArmContext, access: AccessControl): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability',
      apiVersions: STORAGE_API_VERSIONS,
      handle: ({ body, caller }) => {
        access.demand(caller, `/subscriptions/${context.subscriptionId}`, 'Microsoft.Storage/checknameavailability/read');
        const name = text(body, 'name');
        const { naming } = STORAGE_ACCOUNT;
        if (naming?.pattern.test(name) === false) {
          return {
            status: 200,
            body: {
              nameAvailable: false,
              reason: 'AccountNameInvalid',
              message: `${name} is not a valid storage account name. ${naming.rule}`,
            },
          };
        }
        if (nameIsTaken({ name }, context) === undefined) return { status: 200, body: { nameAvailable: true } };
        return {
          status: 200,
          body: { nameAvailable: false, reason: 'AlreadyExists', message: `The storage account named ${name} is already taken.` },
        };
      },
    },
  ];
}

import { error, type Check } from './check.ts';

/** Names of storage accounts are unique in all of Azure: those that are to be made, and are not in the group already, are still free. */
export const checkStorageNames: Check = {
  rule: 'INFRA_CHECK_STORAGE_NAME',
  tells: 'whether the names of the storage accounts are free',
  async run({ storageAccounts }, azure) {
    const answers = await Promise.all(
      storageAccounts.map(async ({ id, apiVersion, name }) => {
        const exists = (await azure.resource(id, apiVersion)) !== undefined;
        return { name, taken: exists ? undefined : await azure.storageNameTaken(name) };
      }),
    );
    return answers.flatMap(({ name, taken }) =>
      taken === undefined
        ? []
        : [
            error(
              `the storage account name ${name} cannot be had: ${taken}`,
              'set STORAGE_ACCOUNT_A, STORAGE_ACCOUNT_B or CACHEWARMER_STORAGE_ACCOUNT to another name (3 to 24 lower-case letters and digits)',
            ),
          ],
    );
  },
};

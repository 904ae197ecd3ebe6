import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import { error, type Check } from './check.ts';

/** The resource group is still free, or this environment's own, or meant to be used as it is. */
export const checkResourceGroup: Check = {
  rule: 'INFRA_CHECK_RESOURCE_GROUP',
  tells: 'whether the resource group is free',
  async run({ environment, group: { name, location, managed } }, azure) {
    const found = await azure.group(name);
    if (found === undefined) {
      if (managed) return [];
      return [error(`there is no resource group ${name}`, `make it with "az group create --name ${name} --location ${location}"`)];
    }
    const owner = found.tags?.[ENVIRONMENT_TAG];
    if (owner !== undefined && owner !== environment) {
      return [
        error(
          `the resource group ${name} belongs to the environment "${owner}", whose teardown would delete what is made now`,
          'set RESOURCE_GROUP to another name, or work on that environment by its own name',
        ),
      ];
    }
    if (!managed) return [];
    if (owner === undefined) {
      return [
        error(
          `the resource group ${name} exists and was not made by this program`,
          `set RESOURCE_GROUP to a name that is free; if nothing else is to live in it, "az group update --name ${name} --set tags.${ENVIRONMENT_TAG}=${environment}" hands it over, and teardown will delete it`,
        ),
      ];
    }
    if (found.location !== undefined && found.location.replaceAll(' ', '').toLowerCase() !== location) {
      return [
        error(
          `the resource group ${name} is in ${found.location} and cannot move to ${location}`,
          `set LOCATION_A to ${found.location}, or RESOURCE_GROUP to another name`,
        ),
      ];
    }
    return [];
  },
};

import { error, type Check } from './check.ts';

/** The regions exist for this subscription. */
export const checkRegions: Check = {
  rule: 'INFRA_CHECK_REGION',
  tells: 'whether the regions exist',
  async run({ locations }, azure) {
    const offered = await azure.locations();
    return locations
      .filter((location) => !offered.includes(location))
      .map((location) =>
        error(
          `this subscription has no region "${location}"`,
          'set LOCATION_A and LOCATION_B to names that "az account list-locations --query [].name" prints',
        ),
      );
  },
};

import { existingVm } from './azure-facts.ts';
import { error, type Check, type Fault } from './check.ts';

/** Each region offers the size of its VMs to this subscription, and as Spot where that is wanted. A VM that is there already is its own proof. */
export const checkVmSizes: Check = {
  rule: 'INFRA_CHECK_VM_SIZE',
  tells: 'whether the regions offer the VM sizes',
  async run({ vms }, azure) {
    const known = await azure.locations();
    const faults = await Promise.all(
      vms.map(async (vm): Promise<Fault[]> => {
        const { sizeSetting } = vm;
        const { size, location, spot } = vm.planned;
        // A region that does not exist is told by another check.
        if (!known.includes(location)) return [];
        const existing = await existingVm(vm, azure);
        if (existing?.size === size && existing.location === location && existing.spot === spot) return [];
        const sku = (await azure.vmSkus(location)).find(({ name }) => name.toLowerCase() === size.toLowerCase());
        if (sku === undefined) {
          return [
            error(
              `${location} does not offer the size ${size}`,
              `set ${sizeSetting} to one that "az vm list-skus --location ${location}" prints`,
            ),
          ];
        }
        if (sku.restriction !== undefined) {
          return [
            error(
              `this subscription cannot have ${size} in ${location}: ${sku.restriction}`,
              `set ${sizeSetting} to another size or LOCATION_A to another region, or ask Azure for access to it in a support request`,
            ),
          ];
        }
        if (spot && !sku.spotCapable) {
          return [
            error(
              `${size} cannot be a Spot VM in ${location}`,
              `set ${sizeSetting} to another size${sizeSetting === 'VM_SIZE' ? ', or VM_SPOT=false for a regular VM' : ''}`,
            ),
          ];
        }
        return [];
      }),
    );
    return faults.flat();
  },
};

import { ArmError } from '../arm/arm-error.ts';
import { DEFAULT_FAMILY_QUOTA, type Region, type VirtualMachineSku } from '../arm/catalog.ts';
import type { ArmContext } from '../arm/context.ts';
import { stringAt, type JsonObject } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource } from '../arm/resource-type.ts';
import { text } from './body.ts';

export const MACHINE_TYPE = 'Microsoft.Compute/virtualMachines';

/** Name of the quota of all Spot cores of a region. */
export const SPOT_QUOTA = 'lowPriorityCores';
/** Name of the quota of all other cores of a region. */
export const CORES_QUOTA = 'cores';

/** @throws {ArmError} when the region doesn't have the size. */
export function demandSku(name: string, location: string, context: ArmContext): VirtualMachineSku {
  const sku = context.skus.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (sku === undefined) {
    throw new ArmError(400, 'InvalidParameter', `The value ${name} provided for the VM size is not valid.`, { target: 'vmSize' });
  }
  const region = context.regions.find((candidate) => candidate.name === location);
  if (region !== undefined && lacks(region, sku)) {
    throw new ArmError(
      409,
      'SkuNotAvailable',
      `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${sku.name}' is currently not available in location '${location}'. ` +
        'Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details.',
      { target: 'vmSize' },
    );
  }
  return sku;
}

/** Whether the size can't be had in the region. */
export function lacks(region: Region, sku: VirtualMachineSku): boolean {
  return (region.withoutSkus ?? []).some((name) => name.toLowerCase() === sku.name.toLowerCase());
}

/** One line of the usages of a region. */
export interface QuotaUsage {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** What is used of every quota of a region, in cores. Machines that are deallocated still count against the quota of their family. */
export function quotaUsages(location: string, context: ArmContext): readonly QuotaUsage[] {
  const families = [...new Set(context.skus.map((sku) => sku.family))];
  return [CORES_QUOTA, SPOT_QUOTA, ...families].map((name) => ({
    name,
    used: coresUsed(name, location, undefined, context),
    limit: context.quota[name] ?? DEFAULT_FAMILY_QUOTA,
  }));
}

/**
 * @param code - the service calls it `QuotaExceeded` ahead of a deployment and `OperationNotAllowed` in it.
 * @throws {ArmError} when the machine's cores are more than what is left.
 */
export function demandQuota({ id, body }: Pick<DesiredResource, 'id' | 'body'>, code: string, context: ArmContext): void {
  const location = normalLocation(text(body, 'location'));
  const sku = demandSku(text(body, 'properties.hardwareProfile.vmSize'), location, context);
  demandCores({ location, sku, spot: isSpot(body), machines: 1, without: id.key }, code, context);
}

/** Machines that are to be made. */
interface WantedCores {
  readonly location: string;
  readonly sku: VirtualMachineSku;
  readonly spot: boolean;
  readonly machines: number;
  /** Key of a machine that is not counted, since it is one of those wanted. */
  readonly without?: string;
}

/** As {@link demandQuota}, for any number of machines that are alike. @throws {ArmError} */
export function demandCores({ location, sku, spot, machines, without }: WantedCores, code: string, context: ArmContext): void {
  const wanted = machines * sku.cores;
  for (const name of spot ? [SPOT_QUOTA] : [sku.family, CORES_QUOTA]) {
    const limit = context.quota[name] ?? DEFAULT_FAMILY_QUOTA;
    const used = coresUsed(name, location, without, context);
    if (used + wanted <= limit) continue;
    throw new ArmError(
      409,
      code,
      `Operation could not be completed as it results in exceeding approved ${name} Cores quota. Additional details - Deployment Model: Resource Manager, ` +
        `Location: ${location}, Current Limit: ${limit}, Current Usage: ${used}, Additional Required: ${wanted}, (Minimum) New Limit Required: ${used + wanted}. ` +
        'Setup Alerts when Quota reaches threshold. Learn more at https://aka.ms/quotamonitoringalerting . Submit a request for Quota increase at https://aka.ms/ProdportalCRP.',
    );
  }
}

function coresUsed(quota: string, location: string, without: string | undefined, { store, skus }: ArmContext): number {
  return store
    .ofType(MACHINE_TYPE)
    .filter(({ id, body }) => id.key !== without && stringAt(body, 'location') === location)
    .map(({ body }) => {
      const sku = skus.find(({ name }) => name.toLowerCase() === stringAt(body, 'properties.hardwareProfile.vmSize')?.toLowerCase());
      const counts = isSpot(body) ? [SPOT_QUOTA] : [CORES_QUOTA, sku?.family];
      return counts.includes(quota) ? (sku?.cores ?? 0) : 0;
    })
    .reduce((sum, cores) => sum + cores, 0);
}

/** Whether the machine runs on capacity that Azure may take back. */
export function isSpot(body: JsonObject): boolean {
  return ['spot', 'low'].includes((stringAt(body, 'properties.priority') ?? '').toLowerCase());
}

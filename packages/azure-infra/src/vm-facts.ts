import { z } from 'zod';

/** What a VM takes from a quota. */
export interface VmAllocation {
  /** Such as `Standard_D4s_v5`. */
  readonly size: string;
  /** Short name of the region. */
  readonly location: string;
  /** Unused capacity at a lower price, with a quota of its own. */
  readonly spot: boolean;
}

/** What a VM costs by and is checked by. */
export interface VmFacts extends VmAllocation {
  /** Managed disks that are made with it; ephemeral ones, which cost nothing, are left out. */
  readonly disks: readonly {
    readonly name: string;
    /** Undefined where it is that of the image. */
    readonly sizeGib: number | undefined;
    /** Such as `StandardSSD_LRS`; undefined where Azure chooses. */
    readonly storageAccountType: string | undefined;
  }[];
}

const diskSchema = z.object({
  diskSizeGB: z.number().optional(),
  managedDisk: z.object({ storageAccountType: z.string().optional() }).optional(),
  diffDiskSettings: z.object({ option: z.string() }).optional(),
});

const vmSchema = z.object({
  hardwareProfile: z.object({ vmSize: z.string() }),
  priority: z.string().optional(),
  storageProfile: z.object({ osDisk: diskSchema.optional(), dataDisks: z.array(diskSchema).optional() }).optional(),
});

const scaleSetSchema = z.object({
  sku: z.object({ name: z.string() }),
  properties: z.object({ virtualMachineProfile: z.object({ priority: z.string().optional() }) }),
});

/** Reads what one instance of a scale set takes, as {@link vmFacts} does for a VM. */
export function scaleSetFacts(resource: {
  readonly location?: string;
  readonly sku?: unknown;
  readonly properties?: unknown;
}): VmAllocation | undefined {
  const parsed = scaleSetSchema.safeParse(resource);
  if (!parsed.success || resource.location === undefined) return undefined;
  const { sku, properties } = parsed.data;
  return { size: sku.name, location: resource.location, spot: isSpot(properties.virtualMachineProfile.priority) };
}

function isSpot(priority: string | undefined): boolean {
  return priority === 'Spot' || priority === 'Low';
}

/** Reads a VM as a template states it or as Resource Manager returns it; undefined for what is none. */
export function vmFacts(resource: { readonly location?: string; readonly properties?: unknown }): VmFacts | undefined {
  const parsed = vmSchema.safeParse(resource.properties);
  if (!parsed.success || resource.location === undefined) return undefined;
  const { hardwareProfile, priority, storageProfile } = parsed.data;
  const disks = [
    ...(storageProfile?.osDisk === undefined ? [] : [{ name: 'OS disk', disk: storageProfile.osDisk }]),
    ...(storageProfile?.dataDisks ?? []).map((disk, index) => ({ name: `data disk ${index + 1}`, disk })),
  ];
  return {
    size: hardwareProfile.vmSize,
    location: resource.location,
    spot: isSpot(priority),
    disks: disks
      .filter(({ disk }) => disk.diffDiskSettings === undefined)
      .map(({ name, disk }) => ({ name, sizeGib: disk.diskSizeGB, storageAccountType: disk.managedDisk?.storageAccountType })),
  };
}

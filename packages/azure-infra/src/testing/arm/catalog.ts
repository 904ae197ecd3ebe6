/** A VM size of a region. */
export interface VirtualMachineSku {
  readonly name: string;
  /** The family that its quota is counted in, such as `standardDSv5Family`. */
  readonly family: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly spot: boolean;
}

/** A region and what it offers. */
export interface Region {
  /** Short name, such as `westus3`. */
  readonly name: string;
  readonly displayName: string;
  /** VM sizes that can't be had here, by name. */
  readonly withoutSkus?: readonly string[];
}

/** What the subscription may use, by quota name (`standardDSv5Family`, `cores`, `lowPriorityCores`), in cores and for each region. */
export type Quota = Readonly<Record<string, number>>;

export const DEFAULT_REGIONS: readonly Region[] = [
  { name: 'canadacentral', displayName: 'Canada Central' },
  { name: 'eastus', displayName: 'East US' },
  { name: 'westeurope', displayName: 'West Europe' },
  { name: 'westus3', displayName: 'West US 3' },
];

/** Sizes as of https://learn.microsoft.com/azure/virtual-machines/sizes/overview; a small part. */
export const DEFAULT_SKUS: readonly VirtualMachineSku[] = [
  { name: 'Standard_B2s', family: 'standardBSFamily', cores: 2, memoryGb: 4, spot: false },
  { name: 'Standard_D2s_v3', family: 'standardDSv3Family', cores: 2, memoryGb: 8, spot: true },
  { name: 'Standard_D2s_v5', family: 'standardDSv5Family', cores: 2, memoryGb: 8, spot: true },
  { name: 'Standard_D4s_v5', family: 'standardDSv5Family', cores: 4, memoryGb: 16, spot: true },
  { name: 'Standard_D8s_v5', family: 'standardDSv5Family', cores: 8, memoryGb: 32, spot: true },
  { name: 'Standard_D16s_v5', family: 'standardDSv5Family', cores: 16, memoryGb: 64, spot: true },
  { name: 'Standard_L8s_v3', family: 'standardLSv3Family', cores: 8, memoryGb: 64, spot: true },
  { name: 'Standard_NC24ads_A100_v4', family: 'StandardNCADSA100v4Family', cores: 24, memoryGb: 220, spot: true },
];

/** What a pay-as-you-go subscription has in each region at first; GPUs have to be asked for. */
export const DEFAULT_QUOTA: Quota = { cores: 100, lowPriorityCores: 100, StandardNCADSA100v4Family: 0 };

/** The limit of a family that isn't named. */
export const DEFAULT_FAMILY_QUOTA = 100;

/** Images of the marketplace: publisher, offer, sku. */
export const DEFAULT_IMAGES: readonly string[] = [
  'Canonical:ubuntu-24_04-lts:server',
  'Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2',
  'Debian:debian-12:12-gen2',
];

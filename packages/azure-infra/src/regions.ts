/** A region of Azure as people write it. */
export interface RegionNames {
  /** `Canada Central`; the short name of a region that the table does not have. */
  readonly name: string;
  /** A few letters for names of other things: `cac`; the short name likewise. */
  readonly code: string;
}

/**
 * Regions by their short names. Codes are the geo codes of Azure Backup, which many naming conventions use, but for Canada:
 * there the deployment guide has its own.
 *
 * https://learn.microsoft.com/azure/backup/scripts/geo-code-list
 */
const REGIONS: Readonly<Record<string, readonly [code: string, name: string]>> = {
  australiacentral: ['acl', 'Australia Central'],
  australiaeast: ['ae', 'Australia East'],
  australiasoutheast: ['ase', 'Australia Southeast'],
  brazilsouth: ['brs', 'Brazil South'],
  canadacentral: ['cac', 'Canada Central'],
  canadaeast: ['cae', 'Canada East'],
  centralindia: ['inc', 'Central India'],
  centralus: ['cus', 'Central US'],
  eastasia: ['ea', 'East Asia'],
  eastus: ['eus', 'East US'],
  eastus2: ['eus2', 'East US 2'],
  francecentral: ['frc', 'France Central'],
  germanywestcentral: ['gwc', 'Germany West Central'],
  israelcentral: ['ilc', 'Israel Central'],
  italynorth: ['itn', 'Italy North'],
  japaneast: ['jpe', 'Japan East'],
  japanwest: ['jpw', 'Japan West'],
  koreacentral: ['krc', 'Korea Central'],
  mexicocentral: ['mxc', 'Mexico Central'],
  northcentralus: ['ncus', 'North Central US'],
  northeurope: ['ne', 'North Europe'],
  norwayeast: ['nwe', 'Norway East'],
  polandcentral: ['plc', 'Poland Central'],
  qatarcentral: ['qac', 'Qatar Central'],
  southafricanorth: ['san', 'South Africa North'],
  southcentralus: ['scus', 'South Central US'],
  southeastasia: ['sea', 'Southeast Asia'],
  southindia: ['ins', 'South India'],
  spaincentral: ['spc', 'Spain Central'],
  swedencentral: ['sdc', 'Sweden Central'],
  switzerlandnorth: ['szn', 'Switzerland North'],
  uaenorth: ['uan', 'UAE North'],
  uksouth: ['uks', 'UK South'],
  ukwest: ['ukw', 'UK West'],
  westcentralus: ['wcus', 'West Central US'],
  westeurope: ['we', 'West Europe'],
  westus: ['wus', 'West US'],
  westus2: ['wus2', 'West US 2'],
  westus3: ['wus3', 'West US 3'],
};

/** Names of a region, by its short name. */
export function regionNames(location: string): RegionNames {
  const [code, name] = REGIONS[location] ?? [location, location];
  return { code, name };
}

/** What this program knows how to delete, in the order in which it must go: what uses something before what is used. */
const TYPES: readonly (readonly [type: string, apiVersion: string])[] = [
  ['Microsoft.Authorization/roleAssignments', '2022-04-01'],
  ['Microsoft.Authorization/roleDefinitions', '2022-04-01'],
  ['Microsoft.Compute/virtualMachineScaleSets', '2024-07-01'],
  ['Microsoft.Compute/virtualMachines', '2024-07-01'],
  ['Microsoft.Compute/disks', '2024-03-02'],
  ['Microsoft.Network/networkInterfaces', '2024-05-01'],
  ['Microsoft.Network/virtualNetworks', '2024-05-01'],
  ['Microsoft.Network/natGateways', '2024-05-01'],
  ['Microsoft.Network/publicIPAddresses', '2024-05-01'],
  ['Microsoft.Network/networkSecurityGroups', '2024-05-01'],
  ['Microsoft.ManagedIdentity/userAssignedIdentities', '2023-01-31'],
  ['Microsoft.Storage/storageAccounts', '2023-05-01'],
  ['Microsoft.Resources/resourceGroups', '2021-04-01'],
];

/** API version for deleting a type; undefined for one that this program never makes. */
export function deletionApiVersion(type: string): string | undefined {
  return TYPES.find(([known]) => known.toLowerCase() === type.toLowerCase())?.[1];
}

/** Position of a type in the order of deletion; those that are not known come last. */
export function deletionRank(type: string): number {
  const rank = TYPES.findIndex(([known]) => known.toLowerCase() === type.toLowerCase());
  return rank < 0 ? TYPES.length : rank;
}

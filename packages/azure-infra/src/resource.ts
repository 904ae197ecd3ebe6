/** What every resource of the plan has. */
interface ResourceBase<Type extends string, Properties> {
  /** Stable identifier inside the plan, which `dependsOn` names. */
  readonly id: string;
  /** Azure Resource Manager's type. */
  readonly type: Type;
  readonly name: string;
  /** Region; absent where the resource belongs to another that has one. */
  readonly location?: string;
  /** Ids of the resources that must exist first. They stand before this one in the plan. */
  readonly dependsOn: readonly string[];
  readonly properties: Properties;
}

/** The group that holds everything else; deleting it deletes the environment. */
export type ResourceGroup = ResourceBase<'Microsoft.Resources/resourceGroups', Record<string, never>>;

/** A storage account without shared keys and without public blobs. */
export type StorageAccount = ResourceBase<
  'Microsoft.Storage/storageAccounts',
  {
    readonly kind: 'StorageV2';
    readonly sku: 'Standard_LRS';
    readonly minimumTlsVersion: 'TLS1_2';
    readonly allowBlobPublicAccess: false;
    readonly allowSharedKeyAccess: false;
  }
>;

/** The container of the shards in one account. */
export type BlobContainer = ResourceBase<
  'Microsoft.Storage/storageAccounts/blobServices/containers',
  { readonly account: string; readonly publicAccess: 'None' }
>;

/** One rule of a security group; what no rule allows is denied. */
export interface SecurityRule {
  readonly name: string;
  readonly priority: number;
  readonly direction: 'Inbound';
  readonly access: 'Allow';
  readonly protocol: 'Tcp';
  readonly port: number;
  /** Networks in CIDR notation. */
  readonly sources: readonly string[];
}

/** The firewall of the subnet. */
export type NetworkSecurityGroup = ResourceBase<'Microsoft.Network/networkSecurityGroups', { readonly rules: readonly SecurityRule[] }>;

/** The network of the VM. */
export type VirtualNetwork = ResourceBase<
  'Microsoft.Network/virtualNetworks',
  {
    readonly addressSpace: string;
    readonly subnet: { readonly name: string; readonly addressPrefix: string; readonly networkSecurityGroup: string };
  }
>;

/** The address under which the VM is reached. */
export type PublicIpAddress = ResourceBase<
  'Microsoft.Network/publicIPAddresses',
  { readonly sku: 'Standard'; readonly allocation: 'Static' }
>;

/** The VM's connection to the subnet. */
export type NetworkInterface = ResourceBase<
  'Microsoft.Network/networkInterfaces',
  { readonly virtualNetwork: string; readonly subnet: string; readonly publicIpAddress: string }
>;

/** The machine that mounts and trains. */
export type VirtualMachine = ResourceBase<
  'Microsoft.Compute/virtualMachines',
  {
    readonly size: string;
    readonly image: string;
    readonly adminUser: string;
    readonly authentication: 'ssh-key';
    readonly identity: 'SystemAssigned';
    readonly networkInterface: string;
  }
>;

/**
 * A right of the VM's identity on one container. Its name in Azure is derived from the scope, the role and the identity's principal
 * id, which exists only once the VM does; the name here is for people.
 */
export type RoleAssignment = ResourceBase<
  'Microsoft.Authorization/roleAssignments',
  { readonly role: string; readonly roleDefinitionId: string; readonly scope: string; readonly principalOf: string }
>;

/** One resource of the plan; `type` tells which. */
export type Resource =
  | ResourceGroup
  | StorageAccount
  | BlobContainer
  | NetworkSecurityGroup
  | VirtualNetwork
  | PublicIpAddress
  | NetworkInterface
  | VirtualMachine
  | RoleAssignment;

export { InfraError, type InfraErrorCode, type SettingsFault } from './errors.ts';
export { planResources } from './plan.ts';
export { provision } from './provision.ts';
export type {
  BlobContainer,
  NetworkInterface,
  NetworkSecurityGroup,
  PublicIpAddress,
  Resource,
  ResourceGroup,
  RoleAssignment,
  SecurityRule,
  StorageAccount,
  VirtualMachine,
  VirtualNetwork,
} from './resource.ts';
export { settingsFromEnvironment, settingsVariables, type InfraSettings } from './settings.ts';
export { storageAccountName } from './storage-account-name.ts';

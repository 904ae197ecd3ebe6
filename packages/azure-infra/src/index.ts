export { ArmError, describeFault } from './arm/arm-error.ts';
export type { ArmResource, JsonObject, JsonValue } from './arm/arm-resource.ts';
export { openResourceManager } from './arm/azure/azure-resource-manager.ts';
export { managementScope, type AzureClientOptions } from './arm/azure/client-options.ts';
export type {
  ActionGrant,
  ArmFault,
  DeploymentOperation,
  DeploymentRequest,
  Deployments,
  DeploymentState,
  PropertyChange,
  Quota,
  ResourceManager,
  Resources,
  RoleAssignmentFacts,
  Subscription,
  VmSku,
  WhatIfChange,
} from './arm/resource-manager.ts';
export { bootstrapSource, type BootstrapSource } from './bootstrap/bootstrap-source.ts';
export { BootstrapError, type BootstrapErrorCode } from './bootstrap/errors.ts';
export { connectionStringKey, openPackagesContainer, parseContainerUrl } from './bootstrap/packages-container.ts';
export { prepareBootstrap, type BootstrapFile, type BootstrapOptions } from './bootstrap/prepare-bootstrap.ts';
export { callerNetwork } from './caller-address.ts';
export { systemClock, type Clock } from './clock.ts';
export type { PricedResource } from './cost/cost-items.ts';
export { costSoFar, type CostSoFar, type RunningEnvironment } from './cost/cost-so-far.ts';
export { estimateCost, type CostEstimate, type CostLine } from './cost/estimate-cost.ts';
export { FallbackPrices } from './cost/fallback-prices.ts';
export { PriceSnapshot } from './cost/price-snapshot.ts';
export { HOURS_PER_MONTH, type Price, type PriceOrigin, type PriceQuery, type PriceSource } from './cost/price-source.ts';
export { RetailPrices, type PriceFetch, type RetailPricesOptions } from './cost/retail-prices.ts';
export { identifyCaller, openCredential, type Caller, type TokenCredential } from './credential.ts';
export { DAEMON_AUTH_METHODS, daemonConfig, type DaemonAuthMethod, type DaemonConfigOptions } from './daemon-config.ts';
export type { ConnectionOptions, StorageCredential } from './dataset/container-connection.ts';
export type { ContainerTarget, DatasetFile } from './dataset/container-target.ts';
export { DatasetUploadError, DatasetVerifyError, type UploadedFile, type UploadFailure } from './dataset/errors.ts';
export { uploadDataset, type UploadOptions, type UploadProgress } from './dataset/upload-dataset.ts';
export {
  verifyDataset,
  type DatasetDifference,
  type DatasetReport,
  type DifferenceKind,
  type ExpectedBlob,
  type VerifyOptions,
} from './dataset/verify-dataset.ts';
export { applyPlan, cancelDeployment, followRunning, type ApplyOptions, type WaitOptions } from './deploy/apply-plan.ts';
export { readCacheWarmerOutputs, removeCacheWarmerOutputs, writeCacheWarmerOutputs } from './cache-warmer-outputs-file.ts';
export { askCacheWarmerOutputs } from './deploy/ask-cache-warmer-outputs.ts';
export { askOutputs } from './deploy/ask-outputs.ts';
export { followDeployment, type DeploymentListener, type FollowOptions } from './deploy/follow-deployment.ts';
export { runningDeployments } from './deploy/running-deployments.ts';
export { awaitDataAccess } from './environment/await-data-access.ts';
export {
  cacheWarmerAccountName,
  cacheWarmerEnvironment,
  type CacheWarmerFacts,
  type CacheWarmerStorageNames,
} from './environment/cache-warmer-environment.ts';
export { cacheWarmerGraph } from './environment/cache-warmer-graph.ts';
export { CACHE_WARMER_KEYS, cacheWarmerRoles, QUEUE_ROLE, SCALE_ROLE } from './environment/cache-warmer-roles.ts';
export type { DeploymentFacts, FactSources } from './environment/deployment-facts.ts';
export { environmentGraph, offlineEnvironmentGraph, type EnvironmentParts, type OfflineGraph } from './environment/environment-graph.ts';
export { storageAccountNames, trainingEnvironment, type EnvironmentFacts } from './environment/training-environment.ts';
export { InfraError, type InfraErrorCode, type SettingsFault } from './errors.ts';
export { natGateway, networkPeering } from './graph/network-links.ts';
export {
  DEFAULT_SUBNET,
  networkInterface,
  publicIpAddress,
  sshSecurityGroup,
  subnetId,
  virtualNetwork,
  type Subnet,
  type VirtualNetworkOptions,
} from './graph/network.ts';
export { ResourceGraph, type ResourceGraphOptions } from './graph/resource-graph.ts';
export { parseResourceId, resourceGroupId, resourceId, type ParsedResourceId } from './graph/resource-id.ts';
export { GROUP_SCOPE } from './graph/resource.ts';
export type { Principal, Resource, ResourceGroup, Role, RoleAssignment } from './graph/resource.ts';
export { customRole, roleDefinition, type CustomRole } from './graph/role-definition.ts';
export {
  STORAGE_BLOB_DATA_CONTRIBUTOR,
  STORAGE_BLOB_DATA_READER,
  STORAGE_QUEUE_DATA_MESSAGE_SENDER,
  STORAGE_QUEUE_DATA_READER,
} from './graph/roles.ts';
export { virtualMachineScaleSet, type ScaleSetOptions } from './graph/scale-set.ts';
export { blobContainer, storageAccount, storageQueue, type StorageAccountOptions } from './graph/storage.ts';
export { ENVIRONMENT_TAG, MANAGED_BY_TAG, WRITE_ONLY_TAG } from './graph/tags.ts';
export { userAssignedIdentity } from './graph/user-assigned-identity.ts';
export { virtualMachine, type VirtualMachineOptions } from './graph/virtual-machine.ts';
export { DAEMON_CONFIG_PATH, installDaemonConfig, type InstallDaemonConfigOptions } from './install-daemon-config.ts';
export {
  CACHE_WARMER_UNITS,
  cacheWarmerCloudInit,
  filerScript,
  managerScript,
  workerScript,
  type CacheWarmerSetup,
  type ManagerSetup,
} from './machine/cache-warmer-setup.ts';
export { cloudInit } from './machine/cloud-init.ts';
export { MachineError, type MachineErrorCode } from './machine/errors.ts';
export { installService } from './machine/install-service.ts';
export { LocalMachine } from './machine/local-machine.ts';
export type { Machine, OutputStream, RunOptions } from './machine/machine.ts';
export { localPackages, type LocalPackages } from './machine/package-folder.ts';
export { installCommands, setUpCommands, type SetUpCommand } from './machine/set-up-commands.ts';
export type { RunSetupOptions } from './machine/run-setup.ts';
export { setUpVm, type SetUpOptions, type SetUpResult } from './machine/set-up-vm.ts';
export type { SetupItem } from './machine/setup-report.ts';
export { SshMachine, type SshTarget } from './machine/ssh-machine.ts';
export { setupScript, type PackageFolder, type VmSetup } from './machine/vm-setup.ts';
export { readOutputs, removeOutputs, writeOutputs } from './outputs-file.ts';
export type { CacheWarmerOutputs, EnvironmentOutputs, MachineIdentity, StorageOutputs } from './outputs.ts';
export { hasChanges, planChanges, planFromNothing, type Plan, type PlanOptions } from './plan/plan.ts';
export type { Action, PlannedChange, PropertyDifference } from './plan/planned-change.ts';
export { plannedResources, type PlannedResource } from './plan/planned-resources.ts';
export { checkBeforeDeployment } from './preflight/check-before-deployment.ts';
export type { Finding } from './preflight/finding.ts';
export { preflightInput, type PreflightFacts, type PreflightInput } from './preflight/preflight-input.ts';
export { readSshPublicKey, type SshPublicKeyOptions } from './preflight/read-ssh-public-key.ts';
export { openScaleSet, type ScaleSetTarget } from './scale-set/azure-scale-set.ts';
export type { ScaleSet, ScaleSetInstance } from './scale-set/scale-set.ts';
export { whilePropagating, type PropagationOptions, type PropagationWait } from './role-propagation.ts';
export type { CacheWarmerSettings, InfraSettings, ProxySettings } from './settings/infra-settings.ts';
export type { SettingGroup, SettingKey } from './settings/definitions.ts';
export { resolveSettings, type ResolvedSettings, type SettingsInput, type SettingSource } from './settings/resolve-settings.ts';
export { storageAccountName } from './storage-account-name.ts';
export { isEmpty, takeInventory, type Inventory, type OwnRight } from './teardown/inventory.ts';
export { inventoryState, type ResourceState } from './teardown/inventory-state.ts';
export { deletionsOf, tearDown, type Deletion, type TeardownOptions } from './teardown/teardown.ts';
export { armGuid } from './template/arm-guid.ts';
export { Expression, resourceIdExpression, type TemplateObject, type TemplateValue } from './template/expression.ts';
export { renderTemplate, type KnownIdentities } from './template/render.ts';
export { TrainingRunError, type TrainingRunErrorCode } from './training-run/errors.ts';
export { runTraining, type RunView, type TrainingRunOptions, type TrainingRunResult } from './training-run/training-run.ts';

import type { ArmResource, JsonObject } from './arm-resource.ts';

/** A template deployment at the scope of the subscription. */
export interface DeploymentRequest {
  /** At most 64 characters; the same name while one is running is refused by the service. */
  readonly name: string;
  /** Region that keeps the deployment's record. */
  readonly location: string;
  readonly template: JsonObject;
  readonly tags: Readonly<Record<string, string>>;
}

/** How one property would change. Paths are relative to the parent's, `properties.securityRules` or `0`. */
export interface PropertyChange {
  readonly path: string;
  readonly propertyChangeType: 'Create' | 'Delete' | 'Modify' | 'Array' | 'NoEffect';
  readonly before?: unknown;
  readonly after?: unknown;
  readonly children?: readonly PropertyChange[];
}

/** What Azure predicts for one resource. */
export interface WhatIfChange {
  readonly resourceId: string;
  readonly changeType: 'Create' | 'Delete' | 'Ignore' | 'Deploy' | 'NoChange' | 'Modify' | 'NoEffect' | 'Unsupported';
  readonly before?: JsonObject;
  readonly after?: JsonObject;
  readonly delta?: readonly PropertyChange[];
}

/** A failure as Resource Manager describes it; `details` has the reasons of the reasons. */
export interface ArmFault {
  readonly code: string;
  readonly message: string;
  readonly details: readonly ArmFault[];
}

/** Where a deployment stands. */
export interface DeploymentState {
  readonly name: string;
  readonly state: 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  readonly fault: ArmFault | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** When the service asks to be asked again, in milliseconds; undefined when it does not say. */
  readonly retryAfterMs: number | undefined;
}

/** Where one resource of a deployment, or of one nested in it, stands. */
export interface DeploymentOperation {
  readonly resourceId: string;
  readonly type: string;
  readonly name: string;
  readonly state: 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  readonly fault: ArmFault | undefined;
}

/** Template deployments of one subscription. Every method rejects with an `ArmError`. */
export interface Deployments {
  /** The service's own checks: names, quota, policy, rights. Undefined when it finds nothing. */
  validate(request: DeploymentRequest, signal: AbortSignal): Promise<ArmFault | undefined>;
  whatIf(request: DeploymentRequest, signal: AbortSignal): Promise<readonly WhatIfChange[]>;
  /** Starts it, and returns when the service has accepted it. */
  start(request: DeploymentRequest, signal: AbortSignal): Promise<void>;
  /** Undefined when there is no deployment of this name. */
  state(name: string, signal: AbortSignal): Promise<DeploymentState | undefined>;
  /** Of the deployment and, in the place of each nested one, of that; nested ones themselves are left out. */
  operations(name: string, signal: AbortSignal): Promise<readonly DeploymentOperation[]>;
  cancel(name: string, signal: AbortSignal): Promise<void>;
  /** Deployments of the subscription whose tags have this name and value. */
  tagged(tag: string, value: string, signal: AbortSignal): Promise<readonly DeploymentState[]>;
}

/** Single resources of one subscription. Every method rejects with an `ArmError`. */
export interface Resources {
  /** Undefined when there is none (404). */
  get(id: string, apiVersion: string, signal: AbortSignal): Promise<ArmResource | undefined>;
  /** All resources of the subscription with this tag, resource groups among them. */
  tagged(tag: string, value: string, signal: AbortSignal): Promise<readonly ArmResource[]>;
  /** All resources in a group; empty when there is no such group. */
  inGroup(resourceGroup: string, signal: AbortSignal): Promise<readonly ArmResource[]>;
  /** Deletes and waits until it is gone; nothing happens when there is none. */
  delete(id: string, apiVersion: string, signal: AbortSignal): Promise<void>;
  /** Role assignments at a scope (a resource id) and at whatever lies below it. */
  roleAssignmentsWithin(scope: string, signal: AbortSignal): Promise<readonly RoleAssignmentFacts[]>;
  /** `PowerState/…` of a VM without the prefix: `running`, `deallocated`; undefined when there is no such VM. */
  powerState(vmId: string, signal: AbortSignal): Promise<string | undefined>;
}

/** One role assignment as it is. */
export interface RoleAssignmentFacts {
  readonly id: string;
  /** A GUID. */
  readonly name: string;
  readonly scope: string;
  readonly principalId: string;
  readonly principalType: string;
  /** The GUID at the end of the role definition's id. */
  readonly roleDefinitionGuid: string;
}

/** A VM size in one region. */
export interface VmSku {
  readonly name: string;
  /** Family, whose cores have a quota of their own, such as `standardDSv5Family`. */
  readonly family: string;
  readonly cores: number;
  readonly spotCapable: boolean;
  /** Why this subscription cannot have it here, such as `NotAvailableForSubscription`; undefined when it can. */
  readonly restriction: string | undefined;
}

/** A quota and how much of it is used. */
export interface Quota {
  /** A family's name, `cores` or `lowPriorityCores`. */
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** What a subscription offers. Every method rejects with an `ArmError`. */
export interface Subscription {
  /** Short names of the regions. */
  locations(signal: AbortSignal): Promise<readonly string[]>;
  vmSkus(location: string, signal: AbortSignal): Promise<readonly VmSku[]>;
  quotas(location: string, signal: AbortSignal): Promise<readonly Quota[]>;
  /** Undefined when the name is free, else why not, in Azure's words. */
  storageNameTaken(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Actions that role assignments give to a principal at the subscription, groups and parents included. Wildcards as in role definitions. */
  grantedActions(principalId: string, signal: AbortSignal): Promise<readonly ActionGrant[]>;
}

/** What one role allows. */
export interface ActionGrant {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/** Everything that is asked of Azure Resource Manager. */
export interface ResourceManager {
  readonly subscriptionId: string;
  readonly deployments: Deployments;
  readonly resources: Resources;
  readonly subscription: Subscription;
}

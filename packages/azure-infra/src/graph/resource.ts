import type { TemplateObject } from '../template/expression.ts';

/** A resource of an environment, in Azure Resource Manager's own terms, with references as template expressions. */
export interface Resource {
  /** Stable identifier inside the graph, which `dependsOn` names. */
  readonly key: string;
  /** Such as `Microsoft.Storage/storageAccounts/blobServices/containers`. */
  readonly type: string;
  readonly apiVersion: string;
  /** With the names of its parents: `account/default/container`. */
  readonly name: string;
  /** Region; absent where the resource belongs to another that has one. */
  readonly location?: string;
  /** Absent for types that cannot have tags. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly sku?: TemplateObject;
  readonly kind?: string;
  readonly identity?: TemplateObject;
  /**
   * States whatever of the resource this product decides, defaults included: what is not stated belongs to the service, and is never
   * reported as a change.
   */
  readonly properties: TemplateObject;
  /** Keys of the resources that must exist first. */
  readonly dependsOn: readonly string[];
  /** Paths such as `properties.osProfile.adminUsername` that the service refuses to change: a change makes the resource anew. */
  readonly createOnly?: readonly string[];
  /** Paths that the service never returns. A hash of their values is kept in a tag, so that a change is seen. */
  readonly writeOnly?: readonly string[];
  /** `sku.capacity` is what the resource begins with. Afterwards it belongs to another program, and a deployment leaves it as it is. */
  readonly capacityIsNotOurs?: true;
}

/** A role of Azure's role-based access control. */
export interface Role {
  readonly name: string;
  /** The GUID that names its definition in every subscription. */
  readonly guid: string;
}

/** Somebody or something that signs in to Azure. */
export interface Principal {
  /** Object id in Microsoft Entra ID. */
  readonly objectId: string;
  readonly type: 'User' | 'ServicePrincipal';
}

/** In the place of a key: the whole resource group. No resource has this key. */
export const GROUP_SCOPE = '(resource group)';

/** A right of one principal at one resource. */
export interface RoleAssignment {
  readonly key: string;
  /** Key of the resource that it is for, or {@link GROUP_SCOPE}. */
  readonly scope: string;
  /** Azure's own, or one that the graph defines. */
  readonly role: Role;
  /**
   * Who gets it: a known principal, or the identity that a resource of the graph has or is, which exists only once that does.
   */
  readonly principal: Principal | { readonly identityOf: string };
}

/** The group that holds the resources. */
export interface ResourceGroup {
  readonly name: string;
  readonly location: string;
  /** Whether it belongs to the environment. One that was there before is used and left as it is. */
  readonly managed: boolean;
}

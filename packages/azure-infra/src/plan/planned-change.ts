/** What would happen to a resource. */
export type Action = 'create' | 'change' | 'replace' | 'delete' | 'no change';

/** One property that would be another. */
export interface PropertyDifference {
  /** Such as `properties.hardwareProfile.vmSize`; items of lists are numbered: `properties.securityRules.0.…`. */
  readonly path: string;
  /** Undefined when it is not there yet. */
  readonly before: unknown;
  /** Undefined when it would be taken away. */
  readonly after: unknown;
}

/** What would happen to one resource, and why. */
export interface PlannedChange {
  readonly action: Action;
  /** Key of the resource or right in the graph; undefined for the group, and for what is no longer in it. */
  readonly key: string | undefined;
  /** Resource id; for a role assignment whose principal does not exist yet, that of its scope. */
  readonly id: string;
  readonly type: string;
  /** With the names of its parents. */
  readonly name: string;
  readonly location?: string;
  /** Empty for what is created, deleted or left as it is. */
  readonly differences: readonly PropertyDifference[];
  /** What a person should know beside that: `principal known after apply`. */
  readonly note?: string;
}

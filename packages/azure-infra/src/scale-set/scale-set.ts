/** A machine of a scale set. */
export interface ScaleSetInstance {
  /** Name of the resource, which is also what the metadata service tells the machine: a worker reports itself by it. */
  readonly name: string;
  /** What the operating system is called. Undefined until the service tells it. */
  readonly computerName: string | undefined;
  /** When its creation began. */
  readonly startedAt: Date;
  /** `Creating`, `Succeeded`, …; those that failed and those that are being deleted are not listed. */
  readonly provisioningState: string;
}

/** A scale set whose capacity a program decides. All methods reject with an {@link ArmError} and stop at an abort. */
export interface ScaleSet {
  /** The instances that there are, found by listing them: the capacity that a scale set states may count evicted ones. */
  instances(signal: AbortSignal): Promise<readonly ScaleSetInstance[]>;
  /**
   * Asks for so many instances in all, and never for fewer than there are. Resolves when the service has taken the request; the machines come
   * later, and fewer of them where there is no capacity or quota: that is no error, but told to `onProblem`.
   */
  raiseTo(count: number, signal: AbortSignal): Promise<void>;
  /** Deletes instances by name; those that are gone are as good. Resolves when the service has taken the request. */
  remove(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Deletes all instances. Resolves when the service has taken the request. */
  toZero(signal: AbortSignal): Promise<void>;
}

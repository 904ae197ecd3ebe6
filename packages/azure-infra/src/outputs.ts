/** What a provisioned environment is reached by; `outputs.json`. Holds no secret. */
export interface EnvironmentOutputs {
  readonly version: 1;
  readonly environment: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** Even shards are in A, odd ones in B. */
  readonly storage: { readonly a: StorageOutputs; readonly b: StorageOutputs };
  readonly vm: {
    readonly name: string;
    readonly size: string;
    readonly location: string;
    readonly adminUser: string;
    /** Public IP address. */
    readonly address: string;
    /** Object id of its identity. */
    readonly principalId: string;
  };
}

/** A storage account and its container. */
export interface StorageOutputs {
  readonly account: string;
  readonly location: string;
  readonly container: string;
  /** As Resource Manager names it, without a trailing slash: `https://account.blob.core.windows.net`. */
  readonly endpoint: string;
}

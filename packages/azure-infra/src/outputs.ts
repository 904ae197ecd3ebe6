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

/** What `cachewarmer provision` has made and how it is reached. Version 1 of `cachewarmer-outputs.json`. */
export interface CacheWarmerOutputs {
  readonly version: 1;
  readonly environment: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly location: string;
  /** What the names of the queues begin with. */
  readonly queuePrefix: string;
  readonly storage: {
    readonly account: string;
    /** As Resource Manager names them, without a trailing slash. */
    readonly blobEndpoint: string;
    readonly queueEndpoint: string;
    /** Container of reports and records. */
    readonly records: string;
  };
  readonly scaleSet: { readonly id: string; readonly name: string };
  /** The VM of the manager; `address` is its public IP address. */
  readonly controller: { readonly name: string; readonly adminUser: string; readonly address: string };
  /** What manager and workers sign in with. */
  readonly identities: { readonly manager: MachineIdentity; readonly workers: MachineIdentity };
  /** The file server for trying it, by its private address; null where there is none. */
  readonly filer: { readonly address: string } | null;
}

/** An identity of machines. */
export interface MachineIdentity {
  /** Resource id. */
  readonly id: string;
  readonly clientId: string;
}

/** Everything that decides what an environment on Azure consists of and what is run on it. */
export interface InfraSettings {
  /** Name of the environment: it is in a tag of every resource, and teardown asks for it. */
  readonly environment: string;
  /** Subscription id; part of the storage accounts' names, and needed only to deploy. */
  readonly subscriptionId: string | undefined;
  readonly resourceGroup: string;
  /** Regions of the storage accounts A (even shards) and B (odd shards), by Azure's short names. The VM runs in that of A. */
  readonly locations: { readonly a: string; readonly b: string };
  /** Names given for the accounts; where absent a stable one is derived. */
  readonly storageAccounts: { readonly a: string | undefined; readonly b: string | undefined };
  readonly container: string;
  readonly vm: {
    readonly name: string;
    readonly size: string;
    /** `publisher:offer:sku:version`. */
    readonly image: string;
    readonly adminUser: string;
    /** Unused capacity at a lower price, which Azure may take back at any time. */
    readonly spot: boolean;
  };
  /** File with the public key that may sign in to the VM; undefined: the first of `~/.ssh/id_ed25519.pub`, `~/.ssh/id_rsa.pub`. */
  readonly sshPublicKeyFile: string | undefined;
  /** Networks in CIDR notation that may reach port 22. Empty: the caller's own address. */
  readonly sshSources: readonly string[];
  /** Of the mount daemon on the VM. */
  readonly mount: {
    readonly point: string;
    /** Folder of the cache. On a size with local NVMe disks below `/mnt/nvme`. */
    readonly cachePath: string;
    /** A size as the daemon's configuration has it, such as `50GB`. */
    readonly cacheSize: string;
  };
  /** The synthetic data set; `imageSize` is width and height in pixels. */
  readonly dataset: { readonly shards: number; readonly imagesPerShard: number; readonly imageSize: number };
  readonly training: { readonly steps: number; readonly batchSize: number; readonly workers: number };
  /** Further tags of every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

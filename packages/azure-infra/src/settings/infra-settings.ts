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
  readonly cacheWarmer: CacheWarmerSettings;
  /** Further tags of every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

/** What decides of what a CacheWarmer consists. It is an environment of its own, beside the one for training. */
export interface CacheWarmerSettings {
  /** What the names of its queues, its container and its machines begin with. */
  readonly prefix: string;
  /** Name of its environment, in a tag of every resource. */
  readonly environment: string;
  readonly resourceGroup: string;
  /** Where absent a stable name is derived. */
  readonly storageAccount: string | undefined;
  readonly controllerSize: string;
  readonly workerSize: string;
  /** Workers at a time, at most. */
  readonly maxWorkers: number;
  /** Hours of workers, added up, after which a job ends incomplete. */
  readonly maxInstanceHours: number;
  /** A VM in region B that exports `/data` over NFS, so that there is something to warm at a distance. */
  readonly filer: boolean;
  /** A way to the internet for machines without a public address. */
  readonly natGateway: boolean;
  /** Container of blobs with the programs as npm tarballs, without a trailing slash; undefined: the npm registry. */
  readonly packagesUrl: string | undefined;
  /** Proxies of the machines. */
  readonly proxies: ProxySettings;
}

/** Proxies by scheme, each for itself, and the hosts that are reached without one. */
export interface ProxySettings {
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** Host names, addresses and networks. */
  readonly exceptions: readonly string[];
}

/** What a job warms. */
export type WarmTarget = ExportTarget | BackendTarget;

/** A path of an exported file system, which several addresses serve. */
export interface ExportTarget {
  readonly kind: 'export';
  /** Hosts that serve the export over NFS, or `file:///dir`: a directory of this machine under which the export path is found. At least one. */
  readonly addresses: readonly string[];
  /** Absolute path of the export at every one of these addresses. */
  readonly exportPath: string;
  /** Absolute path below the export of what is to be warmed; `/` is the whole export. */
  readonly path: string;
}

/** A prefix of a backend of the Warpforge daemon, as it is mounted on the node of each worker. */
export interface BackendTarget {
  readonly kind: 'backend';
  /** Its name in the daemon's configuration. */
  readonly backend: string;
  /** Below the backend's mount path, without a leading slash; empty: all of it. */
  readonly prefix: string;
}

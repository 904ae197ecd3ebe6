/** Where blobs go. */
export interface ContainerTarget {
  readonly account: string;
  readonly container: string;
  /** `https://account.blob.core.windows.net`, or in path style as emulators have it; no slash at the end. */
  readonly endpoint: string;
}

/** A local file and the blob that it shall be. */
export interface DatasetFile {
  readonly path: string;
  /** Name in the container, such as `train/shard-000000.tar`. */
  readonly blobName: string;
  readonly target: ContainerTarget;
}

/** A place in an account for people to read: `account/container/train/shard-000000.tar`. */
export function describePlace({ account, container }: ContainerTarget, blobName: string): string {
  return `${account}/${container}/${blobName}`;
}

import type { Quota, Region, VirtualMachineSku } from './catalog.ts';
import type { Directory } from './directory.ts';
import type { GuidSource } from './guid-source.ts';
import type { ResourceStore } from './store.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What all parts of the service share. */
export interface ArmContext {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clock: VirtualClock;
  readonly guids: GuidSource;
  readonly store: ResourceStore;
  readonly directory: Directory;
  readonly regions: readonly Region[];
  readonly skus: readonly VirtualMachineSku[];
  readonly quota: Quota;
  readonly images: readonly string[];
  /** Names of storage accounts that other customers have. */
  readonly takenAccountNames: ReadonlySet<string>;
  /** Base URL of an account's blobs, with a slash at its end. */
  readonly blobEndpoint: (account: string) => string;
  /** How many Spot machines the platform has room for at this moment. */
  readonly spotCapacity: () => number;
  /** Base URL of an account's queues, with a slash at its end. */
  readonly queueEndpoint: (account: string) => string;
  /** The address that a public IP address of that name gets. */
  readonly publicIpAddress: (name: string) => string;
}

import { channel } from 'node:diagnostics_channel';

/** Name of the `node:diagnostics_channel` that tells which shards a loader uses, as {@link ShardEvent}. */
export const SHARD_CHANNEL = 'warpforge:webdataset:shard';

/** A loader begins to read a shard, or is done with its last sample. */
export interface ShardEvent {
  readonly kind: 'start' | 'end';
  /** Path, URL or name of the shard. */
  readonly shard: string;
  readonly epoch: number;
}

const shards = channel(SHARD_CHANNEL);

/** Tells the subscribers, if there are any. */
export function publishShard(event: ShardEvent): void {
  if (shards.hasSubscribers) shards.publish(event);
}

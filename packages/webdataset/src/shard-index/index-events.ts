import { channel } from 'node:diagnostics_channel';
import type { WebDatasetError } from '../errors.ts';

/** Name of the `node:diagnostics_channel` that tells what became of indexes, as {@link IndexEvent}. */
export const INDEX_CHANNEL = 'warpforge:webdataset:index';

/** Something about the index of a shard that changes no result, but costs time. */
export type IndexEvent =
  /** An index was there, but is malformed or belongs to other bytes; the shard counts as one without. */
  | { readonly kind: 'ignored'; readonly shard: string; readonly path: string; readonly error: WebDatasetError }
  /** The shard was read once to make its index. */
  | { readonly kind: 'built'; readonly shard: string; readonly samples: number }
  /** The index just built is in memory only: the next run will read the shard again. */
  | { readonly kind: 'not-stored'; readonly shard: string; readonly error: WebDatasetError };

const events = channel(INDEX_CHANNEL);

/** Tells the subscribers, if there are any. */
export function publishIndexEvent(event: IndexEvent): void {
  if (events.hasSubscribers) events.publish(event);
}

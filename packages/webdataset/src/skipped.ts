import { channel } from 'node:diagnostics_channel';
import type { WebDatasetError } from './errors.ts';

/** Name of the `node:diagnostics_channel` that tells what `onError: 'skip'` left out, as {@link SkippedEvent}. */
export const SKIPPED_CHANNEL = 'warpforge:webdataset:skipped';

/** Something was left out of an epoch: the sample `error.key`, or, without a key, the rest of the shard `error.shard`. */
export interface SkippedEvent {
  readonly error: WebDatasetError;
  readonly epoch: number;
}

const skipped = channel(SKIPPED_CHANNEL);

/** Tells the subscribers, if there are any. */
export function publishSkipped(event: SkippedEvent): void {
  if (skipped.hasSubscribers) skipped.publish(event);
}

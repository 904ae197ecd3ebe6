import pLimit from 'p-limit';
import { formatWorkMessage, type WorkMessage } from '../manifest/work-message.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { MessageQueue } from '../queue/message-queue.ts';

/** A queue takes 2,000 messages a second, each answer within some 10 ms; this many at a time come near that. */
const SENDS_AT_A_TIME = 16;

/** The message of an item of which nothing has been read. */
export function newWorkMessage(job: string, manifest: Manifest, item: number): WorkMessage {
  const page = pageOf(manifest, item);
  const { etag } = manifest.pages[page] ?? { etag: '' };
  return { v: 1, job, walk: manifest.walk, page, etag, item, failures: 0, done: 0, offset: 0, failed: [], read: [] };
}

/** Sends the messages of items, in no certain order among them. */
export async function sendItems(
  queue: MessageQueue,
  job: string,
  manifest: Manifest,
  items: Iterable<number>,
  signal: AbortSignal,
): Promise<void> {
  const limit = pLimit(SENDS_AT_A_TIME);
  await limit.map(items, (item) => queue.send(formatWorkMessage(newWorkMessage(job, manifest, item)), signal));
}

/** The page that holds an item: the last one that begins at or before it. */
function pageOf({ pages }: Manifest, item: number): number {
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pages[middle]?.first ?? Infinity) <= item) low = middle;
    else high = middle - 1;
  }
  return low;
}

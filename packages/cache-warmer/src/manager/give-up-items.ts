import pLimit from 'p-limit';
import { ManifestPages } from '../manifest/manifest-reader.ts';
import type { Manifest } from '../manifest/manifest.ts';
import type { ItemRecords } from '../records/item-records.ts';
import type { RecordStore } from '../records/record-store.ts';
import { newWorkMessage } from './send-items.ts';

/** Each waits some 10 ms for its answer; more at a time would only crowd out the workers. */
const WRITES_AT_A_TIME = 16;

/** Writes failed records for items that nobody will read, each with all of its files. One that gets its record meanwhile keeps it. */
export async function giveUpItems(
  parts: { readonly store: RecordStore; readonly items: ItemRecords },
  job: string,
  manifest: Manifest,
  missing: Iterable<number>,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const pages = new ManifestPages(parts.store);
  await pLimit(WRITES_AT_A_TIME).map(missing, async (number) => {
    const { walk, page, etag } = newWorkMessage(job, manifest, number);
    const { first, items } = await pages.page(job, walk, page, etag, signal);
    const item = items[number - first];
    const range = item?.range;
    const failed = (item?.files ?? []).map(({ path }) => ({ path, reason, ...(range === undefined ? {} : { range }) }));
    await parts.items.writeFailed(job, number, { files: 0, bytes: 0, seconds: 0, worker: 'manager', addresses: [], failed }, signal);
  });
}

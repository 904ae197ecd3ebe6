import type { ManifestFile, ManifestItem } from './manifest.ts';

/** Files from this size on are read by ranges: a smaller one is read in a moment, and a worker that dies with it loses little. */
export const LARGE_FILE_BYTES = 100 * 1024 * 1024;

/** Bytes of a range, and at most of a group: minutes of work, so that messages are few, and none is lost for long. */
export const ITEM_BYTES = 1500 * 1024 * 1024;

/** Files of a group: enough that a message and a record for it cost little beside reading it. */
export const GROUP_FILES = 200;

/**
 * Cuts files into the items that workers take: large files by ranges, small ones in groups, in the order in which they come. Every byte is
 * in exactly one item, or with `addresses` (their number) in one for each address.
 */
export async function* split(files: AsyncIterable<ManifestFile>, addresses: number | undefined): AsyncIterable<ManifestItem> {
  let group: ManifestFile[] = [];
  let bytes = 0;
  for await (const file of files) {
    if (file.size >= LARGE_FILE_BYTES) {
      for (let start = 0; start < file.size; start += ITEM_BYTES) {
        const end = Math.min(file.size, start + ITEM_BYTES);
        yield* forAddresses({ files: [file], range: { start, end } }, addresses);
      }
      continue;
    }
    if (group.length === GROUP_FILES || bytes + file.size > ITEM_BYTES) {
      yield* forAddresses({ files: group }, addresses);
      group = [];
      bytes = 0;
    }
    group.push(file);
    bytes += file.size;
  }
  if (group.length > 0) yield* forAddresses({ files: group }, addresses);
}

function* forAddresses(item: ManifestItem, addresses: number | undefined): Iterable<ManifestItem> {
  if (addresses === undefined) yield item;
  else for (let address = 0; address < addresses; address++) yield { ...item, address };
}

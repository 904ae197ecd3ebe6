import { join } from 'node:path';
import type { TargetSource } from '../job/target-sources.ts';
import type { ManifestFile, ManifestItem } from '../manifest/manifest.ts';
import type { FileToRead } from './read-task.ts';

/** An item, and the ways to its files. */
export interface ItemSource {
  /** Its number in the job. */
  readonly number: number;
  readonly item: ManifestItem;
  /** By the index of the address. */
  readonly sources: readonly TargetSource[];
}

/** Indices of the addresses for a file of an item, the one that it should be read through first. Files are so spread evenly. */
export function addressesOf({ number, item, sources }: ItemSource, file: number): number[] {
  if (item.address !== undefined) return [item.address];
  return sources.map((_, turn) => (number + file + turn) % sources.length);
}

/** Bytes to be read of a file of the item. */
export function lengthOf({ range }: ManifestItem, file: ManifestFile): number {
  return range === undefined ? file.size : range.end - range.start;
}

/** What a thread is to read of a file. @param mount local path of the source. @param offset bytes that have been read already. */
export function fileToRead(
  { range }: ManifestItem,
  { path, size, mtimeMs }: ManifestFile,
  mount: string,
  below: string,
  offset: number,
): FileToRead {
  return { path: join(mount, below, path), size, mtimeMs, start: (range?.start ?? 0) + offset, end: range?.end ?? size };
}

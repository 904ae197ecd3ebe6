import { ManifestPages, readManifest } from '../manifest/manifest-reader.ts';
import type { FileFailure, ManifestFile } from '../manifest/manifest.ts';
import type { ItemRecords } from '../records/item-records.ts';
import { OutcomeSet } from '../records/outcome-set.ts';
import type { RecordStore } from '../records/record-store.ts';

/** A file, or a range of one, and whether it was read. */
export interface FileState extends Pick<ManifestFile, 'path' | 'size'> {
  readonly range?: { readonly start: number; readonly end: number };
  /** Index of the address, where the job asks for every one. */
  readonly address?: number;
  /** `open`: nobody has said anything of it yet. */
  readonly state: 'warm' | 'failed' | 'open';
  readonly reason?: string;
}

/** What a job has warmed, file by file, in the order of its manifest; nothing before the manifest is there. */
export async function* fileStates(store: RecordStore, items: ItemRecords, job: string, signal: AbortSignal): AsyncIterable<FileState> {
  const manifest = await readManifest(store, job, signal);
  if (manifest === undefined) return;
  const outcomes = new OutcomeSet();
  await items.scan(job, manifest.items, outcomes, signal);
  const pages = new ManifestPages(store);
  for (const [number, { etag }] of manifest.pages.entries()) {
    const page = await pages.page(job, manifest.walk, number, etag, signal);
    for (const [index, { files, range, address }] of page.items.entries()) {
      const item = page.first + index;
      const failures = new Map<string, FileFailure>();
      for (const failure of outcomes.has(item) ? await items.readFailed(job, item, outcomes, signal) : [])
        failures.set(failure.path, failure);
      for (const { path, size } of files) {
        const reason = failures.get(path)?.reason;
        const state = !outcomes.has(item) ? 'open' : reason === undefined ? 'warm' : 'failed';
        yield {
          ...{ path, size, state },
          ...(range === undefined ? {} : { range }),
          ...(address === undefined ? {} : { address }),
          ...(reason === undefined ? {} : { reason }),
        };
      }
    }
  }
}

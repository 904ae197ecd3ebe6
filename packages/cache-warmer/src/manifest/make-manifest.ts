import { posix } from 'node:path';
import { RecordError } from '../errors.ts';
import { fileFilter } from '../job/file-filter.ts';
import type { WarmJob } from '../job/warm-job.ts';
import { manifestName, pageName } from '../records/record-names.ts';
import type { RecordStore } from '../records/record-store.ts';
import type { WalkEntry } from '../walk/walk.ts';
import { formatManifest } from './manifest-format.ts';
import { readManifest } from './manifest-reader.ts';
import type { FileFailure, Manifest, ManifestFile } from './manifest.ts';
import { PageWriter } from './page-writer.ts';
import { split } from './split.ts';

/** A report shows the first ones; a tree with more of them has one cause for all. */
const UNREADABLE_KEPT = 10_000;
/** Files between two notes of how far the walk is. */
const PROGRESS_FILES = 1_000;

/** What a manifest is made from, besides what the walk finds. */
export interface ManifestParts {
  /** Id of the job. */
  readonly job: string;
  readonly warmJob: WarmJob;
  /** An id that no other walk has. */
  readonly walk: string;
  readonly store: RecordStore;
  readonly onProgress: (found: { readonly files: number; readonly bytes: number }) => void;
}

/** Filters and cuts what a walk finds, and writes the pages. The manifest itself is only returned: {@link publishManifest} makes it count. */
export async function makeManifest(parts: ManifestParts, entries: AsyncIterable<WalkEntry>, signal: AbortSignal): Promise<Manifest> {
  const { job, warmJob, walk, store } = parts;
  const addresses = warmJob.throughAllAddresses && warmJob.target.kind === 'export' ? warmJob.target.addresses.length : undefined;
  const found = new FoundFiles(parts);
  const writer = new PageWriter({ store, job, walk }, signal);
  for await (const item of split(found.of(entries), addresses)) await writer.add(item);
  const pages = await writer.end();
  const { files, bytes, skipped, unreadable, unreadableCount } = found;
  const items = pages.reduce((sum, page) => sum + page.items, 0);
  return { walk, pages, items, files, bytes: bytes * (addresses ?? 1), skipped: { ...skipped }, unreadable, unreadableCount };
}

/**
 * Makes a manifest that of its job. When there is one already, which another manager has made, that one counts and is returned, and the pages
 * of this one are deleted.
 */
export async function publishManifest(store: RecordStore, job: string, manifest: Manifest, signal: AbortSignal): Promise<Manifest> {
  try {
    await store.write(manifestName(job), formatManifest(manifest), { ifAbsent: true }, signal);
    return manifest;
  } catch (error) {
    if (!(error instanceof RecordError) || error.code !== 'RECORD_EXISTS') throw error;
    const published = await readManifest(store, job, signal);
    if (published === undefined) throw error;
    // It is this one when the request was tried again because its answer was lost.
    if (published.walk !== manifest.walk) await deletePages(store, job, manifest, signal);
    return published;
  }
}

async function deletePages(store: RecordStore, job: string, { walk, pages }: Manifest, signal: AbortSignal): Promise<void> {
  for (const page of pages.keys()) await store.delete(pageName(job, walk, page), signal);
}

/** The files that a job warms, and the numbers of what it doesn't. */
class FoundFiles {
  readonly #parts: ManifestParts;
  readonly skipped = { inclusion: 0, exclusion: 0, size: 0, links: 0, special: 0 };
  readonly unreadable: FileFailure[] = [];
  unreadableCount = 0;
  files = 0;
  bytes = 0;

  constructor(parts: ManifestParts) {
    this.#parts = parts;
  }

  async *of(entries: AsyncIterable<WalkEntry>): AsyncIterable<ManifestFile> {
    const { warmJob, onProgress } = this.#parts;
    const filter = fileFilter(warmJob);
    for await (const entry of entries) {
      if (entry.kind === 'skipped') this.skipped[entry.by] += 1;
      else if (entry.kind === 'unreadable') this.#cannotRead(entry.failure);
      else {
        const { path, size } = entry.file;
        const leftOutBy = filter(path === '.' ? nameOf(warmJob) : path, size);
        if (leftOutBy !== undefined) {
          this.skipped[leftOutBy] += 1;
          continue;
        }
        this.files += 1;
        this.bytes += size;
        if (this.files % PROGRESS_FILES === 0) onProgress({ files: this.files, bytes: this.bytes });
        yield entry.file;
      }
    }
  }

  #cannotRead(failure: FileFailure): void {
    this.unreadableCount += 1;
    if (this.unreadable.length < UNREADABLE_KEPT) this.unreadable.push(failure);
  }
}

/** Of a target that is a single file. */
function nameOf({ target }: WarmJob): string {
  return posix.basename(target.kind === 'backend' ? target.prefix : posix.join(target.exportPath, target.path));
}

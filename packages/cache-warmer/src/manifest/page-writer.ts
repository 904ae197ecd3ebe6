import { pageName } from '../records/record-names.ts';
import type { RecordStore } from '../records/record-store.ts';
import { formatPage } from './manifest-format.ts';
import type { ManifestItem, PageReference } from './manifest.ts';

/** A worker reads a whole page for one item, and keeps it for the next ones: a page is read in a moment, and holds work for minutes. */
const PAGE_ITEMS = 64;
/** Of the JSON, about: that many files with names of usual length, and a bound where names are long. One item alone may be larger. */
const PAGE_BYTES = 1024 * 1024;

/** Brackets, quotes and the two numbers of a file. */
const FILE_BYTES = 40;

/** Writes the pages of a walk, one after the other. */
export class PageWriter {
  readonly #where: { readonly store: RecordStore; readonly job: string; readonly walk: string };
  readonly #signal: AbortSignal;
  readonly #pages: PageReference[] = [];
  #items: ManifestItem[] = [];
  #bytes = 0;
  #first = 0;

  constructor(where: { readonly store: RecordStore; readonly job: string; readonly walk: string }, signal: AbortSignal) {
    this.#where = where;
    this.#signal = signal;
  }

  async add(item: ManifestItem): Promise<void> {
    const bytes = bytesOf(item);
    if (this.#items.length === PAGE_ITEMS || (this.#items.length > 0 && this.#bytes + bytes > PAGE_BYTES)) await this.#write();
    this.#items.push(item);
    this.#bytes += bytes;
  }

  /** Writes what is left. @returns all pages. */
  async end(): Promise<readonly PageReference[]> {
    if (this.#items.length > 0) await this.#write();
    return this.#pages;
  }

  async #write(): Promise<void> {
    const { store, job, walk } = this.#where;
    const items = this.#items;
    const body = formatPage({ first: this.#first, items });
    // Without a condition: nobody else writes pages of this walk, and a request that is tried again because its answer was lost is fine.
    const etag = await store.write(pageName(job, walk, this.#pages.length), body, {}, this.#signal);
    this.#pages.push({ etag, first: this.#first, items: items.length });
    this.#first += items.length;
    this.#items = [];
    this.#bytes = 0;
  }
}

function bytesOf({ files }: ManifestItem): number {
  return files.reduce((sum, { path }) => sum + Buffer.byteLength(path) + FILE_BYTES, 0);
}

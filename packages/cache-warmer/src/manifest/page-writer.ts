import { pageName } from '../records/record-names.ts';
import type { RecordStore } from '../records/record-store.ts';
import { formatPage } from './manifest-format.ts';
import type { ManifestItem, PageReference } from './manifest.ts';

/** A worker reads a whole page for one item, and keeps it for the next ones: a page is read in a moment, and holds work for minutes. */
const PAGE_ITEMS = 64;
/** About as many as the names and numbers of so many files take 1 MiB. */
const PAGE_FILES = 10_000;

/** Writes the pages of a walk, one after the other. */
export class PageWriter {
  readonly #where: { readonly store: RecordStore; readonly job: string; readonly walk: string };
  readonly #signal: AbortSignal;
  readonly #pages: PageReference[] = [];
  #items: ManifestItem[] = [];
  #files = 0;
  #first = 0;

  constructor(where: { readonly store: RecordStore; readonly job: string; readonly walk: string }, signal: AbortSignal) {
    this.#where = where;
    this.#signal = signal;
  }

  async add(item: ManifestItem): Promise<void> {
    if (this.#items.length === PAGE_ITEMS || (this.#items.length > 0 && this.#files + item.files.length > PAGE_FILES)) await this.#write();
    this.#items.push(item);
    this.#files += item.files.length;
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
    const etag = await store.write(pageName(job, walk, this.#pages.length), body, { ifAbsent: true }, this.#signal);
    this.#pages.push({ etag, first: this.#first, items: items.length });
    this.#first += items.length;
    this.#items = [];
    this.#files = 0;
  }
}

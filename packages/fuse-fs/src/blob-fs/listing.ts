import type { BlobProperties, ListPage } from '@warpforge/blob-backend';
import { isPossibleName, type HiddenNames } from './hidden-names.ts';
import { RESERVED_NAME, type FixedDirectory } from './namespace.ts';
import { Shadowing, type ListedEntry } from './shadowing.ts';
import type { DirectoryNode } from './inodes.ts';

/**
 * Entries of one directory that are kept: with about 250 bytes each, 50 MB. A directory with more is listed as a stream: what was read
 * is dropped, and whoever wants it again lists again.
 */
const MAX_KEPT_ENTRIES = 200_000;

/** A position whose entries are no longer kept. */
export const DROPPED = Symbol('dropped');

/** What a listing depends on. */
export interface ListingHooks {
  readonly hidden: HiddenNames;
  /** Told after each page, as the listing has grown. */
  readonly grown: () => void;
  /**
   * Asked when the very first page can't be had: the entries of an older listing to serve in its place, if there is one and the error
   * allows it.
   */
  readonly standIn: (error: unknown) => readonly ListedEntry[] | undefined;
}

/**
 * The content of one directory as the store showed it from a point in time on, loaded page by page as readers get to them, with one page
 * ahead. Several readers share one listing.
 */
export class Listing {
  /** When the first page was asked for; the listing is as old as that. */
  readonly startedAt: number;
  readonly #hooks: ListingHooks;
  readonly #pages: AsyncIterator<ListPage> | undefined;
  readonly #prefix: string;
  readonly #backend: string;
  readonly #fixed: FixedDirectory['children'];
  readonly #isRoot: boolean;
  readonly #shadowing: Shadowing;
  #entries: ListedEntry[] = [];
  /** Entries that were dropped from the front. */
  #dropped = 0;
  #complete: boolean;
  #failure: Error | undefined;
  #loading: Promise<void> | undefined;
  /** Entries by name, as far as they are indexed; made at the first search. */
  #index: Map<string, ListedEntry> | undefined;
  #indexed = 0;

  constructor(directory: DirectoryNode, startedAt: number, signal: AbortSignal, hooks: ListingHooks) {
    this.startedAt = startedAt;
    this.#hooks = hooks;
    this.#fixed = directory.fixed;
    this.#isRoot = directory.path === '';
    this.#prefix = directory.source?.prefix ?? '';
    this.#backend = directory.source?.backend.name ?? '';
    this.#shadowing = new Shadowing((blob) => this.#hide(blob.path));
    this.#pages = directory.source?.backend.list({ prefix: this.#prefix, delimiter: '/', signal })[Symbol.asyncIterator]();
    this.#complete = this.#pages === undefined;
    this.#entries = [...directory.fixed.keys()].map((name) => ({ name, blob: undefined }));
  }

  /** Entries in memory. */
  get size(): number {
    return this.#entries.length;
  }

  /** Whether the last page is here and nothing was dropped: a name that is not found does not exist. */
  get complete(): boolean {
    return this.#complete && this.#dropped === 0;
  }

  /** Whether it can serve further readers: it has not failed and begins at the beginning. */
  get shareable(): boolean {
    return this.#failure === undefined && this.#dropped === 0;
  }

  /** All entries; only of a complete listing. */
  get entries(): readonly ListedEntry[] {
    return this.#entries;
  }

  /**
   * The entries from a position on: those that are here, at most `limit`, at least one unless the directory ends there.
   *
   * @returns {@link DROPPED} if the position is no longer kept.
   */
  async read(position: number, limit: number): Promise<readonly ListedEntry[] | typeof DROPPED> {
    while (position >= this.#dropped + this.#entries.length && !this.#complete) await this.#load();
    if (position < this.#dropped) return DROPPED;
    // The reader is in the last page that is here: get the next one meanwhile.
    if (!this.#complete && this.#failure === undefined) this.#load().catch(() => undefined);
    return this.#entries.slice(position - this.#dropped, position - this.#dropped + limit);
  }

  /** An entry that is here, by its name. */
  find(name: string): ListedEntry | undefined {
    this.#index ??= new Map();
    for (; this.#indexed < this.#entries.length; this.#indexed++) {
      const entry = this.#entries[this.#indexed];
      if (entry !== undefined) this.#index.set(entry.name, entry);
    }
    return this.#index.get(name);
  }

  /** Loads the next page, or waits for the one that is being loaded. */
  #load(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#loading ??= this.#loadPage().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadPage(): Promise<void> {
    if (this.#pages === undefined) return;
    let page: IteratorResult<ListPage, unknown>;
    try {
      page = await this.#pages.next();
    } catch (error) {
      const isFirst = this.#dropped === 0 && this.#entries.length === this.#fixed.size;
      const entries = isFirst ? this.#hooks.standIn(error) : undefined;
      if (entries === undefined) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        throw error;
      }
      this.#entries = [...entries];
      this.#complete = true;
      return;
    }
    if (page.done === true) {
      this.#append(this.#shadowing.end());
      this.#complete = true;
    } else {
      for (const entry of this.#inOrder(page.value)) this.#append(this.#shadowing.add(entry));
    }
    this.#trim();
    this.#hooks.grown();
  }

  /** Blobs and prefixes of a page in one order, without the names that can't be paths. */
  *#inOrder(page: ListPage): Generator<ListedEntry> {
    let next = 0;
    for (const blob of page.blobs) {
      for (let prefix = page.prefixes[next]; prefix !== undefined && prefix < blob.path; prefix = page.prefixes[++next]) {
        yield* this.#directory(prefix);
      }
      yield* this.#file(blob);
    }
    for (const prefix of page.prefixes.slice(next)) yield* this.#directory(prefix);
  }

  *#directory(prefix: string): Generator<ListedEntry> {
    const name = prefix.slice(this.#prefix.length, -1);
    if (this.#isVisible(name)) yield { name, blob: undefined };
    else if (this.#fixed.get(name)?.source?.prefix !== prefix) this.#hide(prefix);
  }

  *#file(blob: BlobProperties): Generator<ListedEntry> {
    const name = blob.path.slice(this.#prefix.length);
    if (this.#isVisible(name)) yield { name, blob };
    else this.#hide(blob.path);
  }

  /** Names of fixed directories are in the listing already. */
  #isVisible(name: string): boolean {
    return isPossibleName(name) && !this.#fixed.has(name) && !(this.#isRoot && name === RESERVED_NAME);
  }

  #hide(path: string): void {
    this.#hooks.hidden.add(this.#backend, path);
  }

  #append(entries: readonly ListedEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  #trim(): void {
    if (this.#entries.length <= MAX_KEPT_ENTRIES) return;
    const drop = this.#entries.length - MAX_KEPT_ENTRIES / 2;
    this.#entries = this.#entries.slice(drop);
    this.#dropped += drop;
    this.#index = undefined;
    this.#indexed = 0;
  }
}

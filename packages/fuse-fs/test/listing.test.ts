import type { BlobBackend, ListPage } from '@warpforge/blob-backend';
import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import { HiddenNames } from '../src/blob-fs/hidden-names.ts';
import { DROPPED, Listing } from '../src/blob-fs/listing.ts';
import type { DirectoryNode } from '../src/blob-fs/inodes.ts';

/** A store that lists these pages, each when it is let. */
class PagedBackend extends MemoryBackend {
  asked = 0;
  readonly #pages: readonly (() => Promise<ListPage>)[];

  constructor(pages: readonly (() => Promise<ListPage>)[]) {
    super();
    this.#pages = pages;
  }

  override async *list(): AsyncGenerator<ListPage, void> {
    for (const page of this.#pages) {
      this.asked++;
      yield await page();
    }
  }
}

function page(first: number, count: number): ListPage {
  const blobs = Array.from({ length: count }, (_, index) => {
    const path = `d/${String(first + index).padStart(8, '0')}`;
    return { path, size: 1, etag: 'e', lastModifiedMs: 0 };
  });
  return { blobs, prefixes: [] };
}

function listingOf(backend: BlobBackend, standIn: () => undefined = () => undefined): Listing {
  const directory: DirectoryNode = { kind: 'directory', inode: 2, path: '/d', source: { backend, prefix: 'd/' }, fixed: new Map() };
  return new Listing(directory, 0, new AbortController().signal, { hidden: new HiddenNames(), grown: () => undefined, standIn });
}

async function names(listing: Listing, position: number, limit = 10): Promise<string[] | typeof DROPPED> {
  const entries = await listing.read(position, limit);
  return entries === DROPPED ? DROPPED : entries.map(({ name }) => name);
}

describe('Listing', () => {
  it('answers from the first page while the second is on its way', async () => {
    const second = Promise.withResolvers<ListPage>();
    const backend = new PagedBackend([() => Promise.resolve(page(0, 3)), () => second.promise]);
    const listing = listingOf(backend);
    // The last name of the page is held back until it is certain that no directory of that name follows.
    expect(await names(listing, 0)).toEqual(['00000000', '00000001']);
    expect(backend.asked).toBe(2);
    expect(listing.complete).toBe(false);
    second.resolve(page(3, 1));
    expect(await names(listing, 2)).toEqual(['00000002']);
    expect(await names(listing, 3)).toEqual(['00000003']);
    expect(await names(listing, 4)).toEqual([]);
    expect(listing.complete).toBe(true);
    expect(listing.find('00000001')?.blob?.path).toBe('d/00000001');
    expect(listing.find('nothing')).toBe(undefined);
  });

  it('gets one page ahead of its readers and not more', async () => {
    const backend = new PagedBackend(Array.from({ length: 10 }, (_, index) => () => Promise.resolve(page(index * 10, 10))));
    const listing = listingOf(backend);
    await listing.read(0, 5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(backend.asked).toBe(2);
  });

  it('fails where the store fails, and shows no end of the directory in its place', async () => {
    const backend = new PagedBackend([() => Promise.resolve(page(0, 3)), () => Promise.reject(new Error('the second page'))]);
    const listing = listingOf(backend);
    expect(await names(listing, 0)).toHaveLength(2);
    await expect(listing.read(2, 10)).rejects.toThrow('the second page');
    await expect(listing.read(2, 10)).rejects.toThrow('the second page');
    expect([listing.shareable, listing.complete]).toEqual([false, false]);
  });

  it('keeps a bounded part of a huge directory, and says what it has dropped', async () => {
    const backend = new PagedBackend(Array.from({ length: 60 }, (_, index) => () => Promise.resolve(page(index * 5000, 5000))));
    const listing = listingOf(backend);
    const seen = new Set<string>();
    for (let position = 0; ;) {
      const entries = await names(listing, position, 4096);
      if (entries === DROPPED || entries.length === 0) break;
      for (const name of entries) seen.add(name);
      position += entries.length;
      expect(listing.size).toBeLessThanOrEqual(205_000);
    }
    expect(seen.size).toBe(300_000);
    expect(await names(listing, 0)).toBe(DROPPED);
    expect([listing.shareable, listing.complete]).toEqual([false, false]);
  });
});

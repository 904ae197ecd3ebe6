import { BlobError, LocalBackend, type ListPage } from '@warpforge/blob-backend';
import { OriginError, readMarker } from './answers.ts';

/** Most entries that a page may have, as on Azure. */
const MAX_PAGE_SIZE = 5000;

/** Listings that are kept open between two of their pages. */
const OPEN_LISTINGS = 16;

/** Lists folders page by page, and remembers where it is: a marker alone would mean to walk the folder from its start for every page. */
export class Listings {
  readonly #open = new Map<string, AsyncIterator<ListPage>>();

  /** The page of `folder` that this query of List Blobs asks for. */
  async page(folder: string, query: URLSearchParams): Promise<ListPage> {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const pageSize = Math.min(Number(query.get('maxresults') ?? MAX_PAGE_SIZE), MAX_PAGE_SIZE);
    const marker = query.get('marker') ?? '';
    if (delimiter !== '' && delimiter !== '/') throw new OriginError(400, 'InvalidQueryParameterValue');
    if (!(pageSize >= 1)) throw new OriginError(400, 'OutOfRangeQueryParameterValue');

    const key = (at: string): string => JSON.stringify([folder, prefix, delimiter, pageSize, at]);
    const listing = this.#take(key(marker)) ?? begin(folder, prefix, delimiter === '/', pageSize, marker);
    const page = await nextPage(listing);
    if (page.nextMarker !== undefined) this.#keep(key(Buffer.from(page.nextMarker).toString('base64url')), listing);
    return page;
  }

  #take(key: string): AsyncIterator<ListPage> | undefined {
    const listing = this.#open.get(key);
    this.#open.delete(key);
    return listing;
  }

  #keep(key: string, listing: AsyncIterator<ListPage>): void {
    this.#open.set(key, listing);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= OPEN_LISTINGS) break;
      this.#open.delete(oldest);
    }
  }
}

function begin(folder: string, prefix: string, folds: boolean, pageSize: number, marker: string): AsyncIterator<ListPage> {
  const pages = new LocalBackend({ name: 'origin', path: folder }).list({
    prefix,
    pageSize,
    ...(folds ? { delimiter: '/' as const } : {}),
    ...(marker === '' ? {} : { marker: readMarker(marker) }),
  });
  return pages[Symbol.asyncIterator]();
}

async function nextPage(listing: AsyncIterator<ListPage>): Promise<ListPage> {
  try {
    const { done, value } = (await listing.next()) as IteratorResult<ListPage, undefined>;
    return done === true ? { blobs: [], prefixes: [] } : value;
  } catch (error) {
    if (error instanceof BlobError && error.code === 'BLOB_CONTAINER_NOT_FOUND') throw new OriginError(404, 'ContainerNotFound');
    throw error;
  }
}

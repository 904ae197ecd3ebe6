import { LRUCache } from 'lru-cache';
import { isAnswer, servedStale } from './errno.ts';
import type { Freshness } from './freshness.ts';
import type { HiddenNames } from './hidden-names.ts';
import type { DirectoryNode } from './inodes.ts';
import { Listing } from './listing.ts';

/** Entries of all listings that are kept for later readers: with about 250 bytes each, 100 MB at the very most. */
const MAX_ENTRIES = 400_000;
/** A listing counts as this many entries more than it has, so that empty ones are bounded too. */
const OVERHEAD = 4;

/** The latest listing of each directory, as far as memory is kept for them. */
export class Listings {
  readonly #freshness: Freshness;
  readonly #hidden: HiddenNames;
  readonly #signal: AbortSignal;
  readonly #latest = new LRUCache<string, Listing>({
    maxSize: MAX_ENTRIES,
    sizeCalculation: (listing) => listing.size + OVERHEAD,
  });

  /** @param signal ends all requests when the file system is closed. */
  constructor(freshness: Freshness, hidden: HiddenNames, signal: AbortSignal) {
    this.#freshness = freshness;
    this.#hidden = hidden;
    this.#signal = signal;
  }

  /** The listing of a directory that needs no new request at present, complete or growing. */
  fresh(directory: DirectoryNode): Listing | undefined {
    const listing = this.#latest.get(directory.path);
    return listing?.shareable === true && this.#freshness.remaining(listing.startedAt) > 0 ? listing : undefined;
  }

  /** Begins a new listing, which takes the place of the one before. The store is asked when someone reads it. */
  begin(directory: DirectoryNode): Listing {
    const listing = this.create(directory);
    this.#latest.set(directory.path, listing);
    return listing;
  }

  /** Makes a new listing that nobody else will share. */
  create(directory: DirectoryNode): Listing {
    const previous = this.#latest.get(directory.path);
    const listing: Listing = new Listing(directory, this.#freshness.now(), this.#signal, {
      hidden: this.#hidden,
      grown: () => {
        // Sets its size anew, unless a later listing has taken its place.
        if (this.#latest.peek(directory.path) === listing) this.#latest.set(directory.path, listing);
      },
      standIn: (error) => {
        if (previous?.complete !== true || isAnswer(error) || !this.#freshness.mayStandIn(previous.startedAt)) return undefined;
        servedStale(error, directory.source?.backend.name ?? '', `${directory.path}/`);
        return previous.entries;
      },
    });
    return listing;
  }
}

import type { BlobProperties } from '@warpforge/blob-backend';
import { LRUCache } from 'lru-cache';
import { FileSystemError, type RequestContext } from '../file-system.ts';
import { failed, isAnswer, isNotFound, servedStale } from './errno.ts';
import type { Freshness } from './freshness.ts';
import { isPossibleName, MAX_NAME_BYTES } from './hidden-names.ts';
import type { DirectoryNode, FileNode } from './inodes.ts';
import type { Listings } from './listings.ts';
import { RESERVED_NAME, type BlobSource } from './namespace.ts';

/** Names whose last answer is remembered, at about 400 bytes each. */
const MAX_REMEMBERED = 65_536;

/** What a name stands for. */
export type Meaning =
  | { readonly kind: 'file'; readonly blob: BlobProperties; readonly source: BlobSource }
  | { readonly kind: 'directory' }
  | { readonly kind: 'absent' };

/** A meaning, and for how long it holds, in milliseconds. */
export interface Resolved {
  readonly meaning: Meaning;
  readonly validMs: number;
}

/** The last answer about a name. */
interface Known {
  readonly meaning: Meaning;
  /** When the store was last heard of it. */
  readonly answeredAt: number;
  /** From when on it counts as fresh: the same, or later if an old answer stands in for a failed one. */
  readonly freshFrom: number;
}

const ABSENT: Meaning = { kind: 'absent' };
const DIRECTORY: Meaning = { kind: 'directory' };

/** Finds out what names in directories stand for, with as few requests as the age of what is known allows. */
export class Resolver {
  readonly #freshness: Freshness;
  readonly #listings: Listings;
  readonly #signal: AbortSignal;
  readonly #known = new LRUCache<string, Known>({ max: MAX_REMEMBERED });
  readonly #asking = new Map<string, Promise<Resolved>>();

  /** @param signal ends all requests when the file system is closed. */
  constructor(freshness: Freshness, listings: Listings, signal: AbortSignal) {
    this.#freshness = freshness;
    this.#listings = listings;
    this.#signal = signal;
  }

  /** What a name in a directory stands for. */
  async resolve(directory: DirectoryNode, name: string, context: RequestContext): Promise<Resolved> {
    if (directory.fixed.has(name)) return { meaning: DIRECTORY, validMs: this.#freshness.staleTtlMs };
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new FileSystemError('ENAMETOOLONG', `${directory.path}/${name}`);
    const { source } = directory;
    if (source === undefined || !isPossibleName(name) || (directory.path === '' && name === RESERVED_NAME)) {
      return { meaning: ABSENT, validMs: this.#freshness.staleTtlMs };
    }
    const path = `${directory.path}/${name}`;
    return this.#recall(directory, name) ?? this.#ask(path, context, () => askAll(source, name, this.#signal));
  }

  /** Whether a version of a file is still the current one; asks the store if that is not known to be fresh. */
  async isCurrent(file: FileNode, context: RequestContext): Promise<boolean> {
    const { backend } = file.source;
    const recalled = this.#recall(file.parent, file.name);
    const { meaning } = recalled ?? (await this.#ask(file.path, context, () => askFile(file.source, file.name, this.#signal)));
    // It was only asked whether there is a file: whoever looks the name up next may find a directory in its place.
    if (meaning.kind === 'absent' && recalled === undefined) this.expire(file);
    if (meaning.kind === 'absent') throw new FileSystemError('ENOENT', `${file.path}: ${backend.name} has no such blob any more`);
    return meaning.kind === 'file' && meaning.blob.etag === file.blob.etag;
  }

  /** The store has shown that this version is no longer the current one: the next use of the name asks. */
  expire(file: FileNode): void {
    const meaning: Meaning = { kind: 'file', blob: file.blob, source: file.source };
    this.#known.set(file.path, { meaning, answeredAt: this.#freshness.now(), freshFrom: -Infinity });
  }

  /** What is known and fresh: from the name's own answer or from the directory's listing, whichever is later. */
  #recall(directory: DirectoryNode, name: string): Resolved | undefined {
    const known = this.#known.get(`${directory.path}/${name}`);
    const listing = this.#listings.fresh(directory);
    if (listing !== undefined && (known === undefined || known.answeredAt < listing.startedAt)) {
      const entry = listing.find(name);
      const validMs = this.#freshness.remaining(listing.startedAt);
      if (entry?.blob !== undefined && directory.source !== undefined) {
        return { meaning: { kind: 'file', blob: entry.blob, source: directory.source }, validMs };
      }
      if (entry !== undefined) return { meaning: DIRECTORY, validMs };
      if (listing.complete) return { meaning: ABSENT, validMs };
    }
    if (known === undefined) return undefined;
    const validMs = this.#freshness.remaining(known.freshFrom);
    return validMs > 0 ? { meaning: known.meaning, validMs } : undefined;
  }

  /** Asks the store, once for all who want to know at the same time. Those who stop waiting leave the request to the others. */
  async #ask(path: string, context: RequestContext, request: () => Promise<Meaning>): Promise<Resolved> {
    let asking = this.#asking.get(path);
    if (asking === undefined) {
      asking = this.#remember(path, request).finally(() => this.#asking.delete(path));
      this.#asking.set(path, asking);
    }
    return unlessAborted(asking, context.signal);
  }

  async #remember(path: string, request: () => Promise<Meaning>): Promise<Resolved> {
    const startedAt = this.#freshness.now();
    try {
      const meaning = await request();
      this.#known.set(path, { meaning, answeredAt: startedAt, freshFrom: startedAt });
      return { meaning, validMs: this.#freshness.remaining(startedAt) };
    } catch (error) {
      const known = this.#known.get(path);
      if (known === undefined || isAnswer(error) || !this.#freshness.mayStandIn(known.answeredAt)) throw failed(error, path);
      servedStale(error, known.meaning.kind === 'file' ? known.meaning.source.backend.name : '', path);
      // Not asked again for a while: each try may take as long as all its retries.
      this.#known.set(path, { ...known, freshFrom: startedAt });
      return { meaning: known.meaning, validMs: this.#freshness.remaining(startedAt) };
    }
  }
}

/**
 * Asks whether a name is a directory, a file or nothing: two requests, since in an object store a directory is no more than blobs whose
 * names begin alike. Together they take as long as one. For a name without a dot, which is mostly a directory, the second is asked only
 * if the first finds none, so that the path to a file in a directory costs three requests and not four.
 */
async function askAll(source: BlobSource, name: string, signal: AbortSignal): Promise<Meaning> {
  const directory = settle(askDirectory(source, name, signal));
  if (!name.includes('.') && (await directory).value === true) return DIRECTORY;
  const file = settle(askFile(source, name, signal));
  const [isDirectory, meaning] = await Promise.all([directory, file]);
  if (isDirectory.value === true) return DIRECTORY;
  // Credentials for reading need not allow listing: a blob that is there counts without.
  if (meaning.value?.kind === 'file' && (isDirectory.error === undefined || isAnswer(isDirectory.error))) return meaning.value;
  if (isDirectory.error !== undefined) throw isDirectory.error as Error;
  if (meaning.value === undefined) throw meaning.error as Error;
  return meaning.value;
}

/** Whether any blob's name goes on behind `name/`. */
async function askDirectory(source: BlobSource, name: string, signal: AbortSignal): Promise<boolean> {
  const pages = source.backend.list({ prefix: `${source.prefix}${name}/`, pageSize: 1, signal });
  for await (const page of pages) {
    if (page.blobs.length > 0 || page.prefixes.length > 0) return true;
  }
  return false;
}

async function askFile(source: BlobSource, name: string, signal: AbortSignal): Promise<Meaning> {
  try {
    return { kind: 'file', source, blob: await source.backend.stat(`${source.prefix}${name}`, { signal }) };
  } catch (error) {
    if (isNotFound(error)) return ABSENT;
    throw error;
  }
}

/** A promise that tells its failure as a value, so that two can be waited for and both outcomes be looked at. */
async function settle<Value>(promise: Promise<Value>): Promise<{ readonly value?: Value; readonly error?: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}

/** Waits for a promise, or until the signal is aborted. */
async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

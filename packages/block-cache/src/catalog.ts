import type { BlobProperties } from '@warpforge/blob-backend';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CachedVersion } from './cached-version.ts';
import { CHUNK_BYTES } from './geometry.ts';
import { decodeHeader, type VersionHeader } from './metadata-file.ts';
import type { StoredState, VersionPaths } from './stored-version.ts';

/** One version that the cache knows: on disk, or open with its files still to come. */
export interface CatalogEntry {
  readonly id: string;
  readonly header: VersionHeader;
  /** Whether there are files. */
  onDisk: boolean;
  /** Bytes of both files on disk. */
  bytes: number;
  /** The kernel was given the data file once: it goes as a whole or not at all. */
  passed: boolean;
  /** Unix seconds; of the version as a whole. A loaded version knows it block by block. */
  lastUse: number;
  /** Chunks on disk, while the version is not loaded. */
  storedChunks: number;
  /** Whether the stored chunks were all verified since the start, while the version is not loaded. */
  verified: boolean;
  /** The version with its maps, while it is loaded. */
  version: CachedVersion | undefined;
  /** Loading under way. */
  loading: Promise<CachedVersion> | undefined;
  /** Handles and warm-ups that use it. */
  users: number;
  /** A newer version of the same blob was opened. */
  superseded: boolean;
  /** Removal under way; the id is free again when it resolves. */
  removing: Promise<void> | undefined;
}

/** What is known of a version that is not in use. */
export type RestingState = Pick<CatalogEntry, 'onDisk' | 'bytes' | 'lastUse' | 'storedChunks'>;

/** The name of a version in the cache: a digest, so that any path and ETag make a file name of one length. */
export function versionId(backend: string, blob: Pick<BlobProperties, 'path' | 'etag' | 'size'>): string {
  return createHash('sha256')
    .update(JSON.stringify([backend, blob.path, blob.etag, blob.size]))
    .digest('hex');
}

/**
 * What is on disk: all versions, the room that they take, and in which order they were used. In memory, some hundred bytes a version;
 * the files are the truth.
 */
export class Catalog {
  readonly #directory: string;
  readonly #entries = new Map<string, CatalogEntry>();
  /** Versions of each blob, by backend and path. */
  readonly #blobs = new Map<string, Map<string, CatalogEntry[]>>();
  #bytes = 0;

  /** @param directory the folder of the cache files. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes that all files take on disk. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** All versions, in no particular order. */
  entries(): Iterable<CatalogEntry> {
    return this.#entries.values();
  }

  get(id: string): CatalogEntry | undefined {
    return this.#entries.get(id);
  }

  /** Where the files of a version are, or will be. Folders by the first two digits keep each one small. */
  pathsOf(id: string): VersionPaths {
    const base = join(this.#directory, id.slice(0, 2), id);
    return { data: `${base}.data`, metadata: `${base}.meta` };
  }

  /** The entry of a blob's version, made when there is none. */
  obtain(backend: string, blob: BlobProperties, blockSize: number, now: number): CatalogEntry {
    const id = versionId(backend, blob);
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const { path, etag, size, lastModifiedMs } = blob;
    const header = { backend, path, etag, size, lastModifiedMs, blockSize, passed: false };
    return this.add(id, header, { onDisk: false, bytes: 0, lastUse: now, storedChunks: 0 });
  }

  /** Takes in a version that is not known yet. */
  add(id: string, header: VersionHeader, state: RestingState): CatalogEntry {
    const entry: CatalogEntry = {
      id,
      header,
      ...state,
      passed: header.passed,
      verified: false,
      version: undefined,
      loading: undefined,
      users: 0,
      superseded: false,
      removing: undefined,
    };
    this.#entries.set(id, entry);
    this.#bytes += entry.bytes;
    const blobs = this.#blobs.get(header.backend) ?? new Map<string, CatalogEntry[]>();
    this.#blobs.set(header.backend, blobs);
    blobs.set(header.path, [...(blobs.get(header.path) ?? []), entry]);
    return entry;
  }

  /** Notes that this is the version which is current: all others of the same blob are superseded. */
  makeCurrent(entry: CatalogEntry): void {
    for (const version of this.#versionsOf(entry)) version.superseded = version !== entry;
  }

  /** After a restart the version last modified counts as current, until another one is opened. */
  markSuperseded(): void {
    for (const blobs of this.#blobs.values()) {
      for (const versions of blobs.values()) {
        const [newest, ...others] = versions;
        if (newest === undefined || others.length === 0) continue;
        this.makeCurrent(others.reduce((best, next) => (isNewer(next, best) ? next : best), newest));
      }
    }
  }

  /** Takes note of the room that an entry's files take now. */
  setBytes(entry: CatalogEntry, bytes: number): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  /** Forgets an entry whose files are gone, or never came. */
  delete(entry: CatalogEntry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.setBytes(entry, 0);
    this.#entries.delete(entry.id);
    const rest = this.#versionsOf(entry).filter((version) => version !== entry);
    const blobs = this.#blobs.get(entry.header.backend);
    if (rest.length === 0) blobs?.delete(entry.header.path);
    else blobs?.set(entry.header.path, rest);
  }

  /** Reads the metadata of an entry on disk again. Undefined when it is not valid any more. */
  async load(entry: CatalogEntry): Promise<{ readonly header: VersionHeader; readonly state: StoredState } | undefined> {
    const metadata = await readFile(this.pathsOf(entry.id).metadata);
    const header = decodeHeader(metadata)?.header;
    const same = header !== undefined && versionId(header.backend, header) === entry.id;
    return same ? { header, state: { metadata, verified: entry.verified } } : undefined;
  }

  #versionsOf({ header }: CatalogEntry): readonly CatalogEntry[] {
    return this.#blobs.get(header.backend)?.get(header.path) ?? [];
  }
}

/** Whether every chunk of an entry is on disk. */
export function isCompleteEntry(entry: CatalogEntry): boolean {
  if (entry.removing !== undefined) return false;
  if (entry.version !== undefined) return entry.version.stored.map.complete;
  return entry.storedChunks === Math.ceil(entry.header.size / CHUNK_BYTES);
}

function isNewer(a: CatalogEntry, b: CatalogEntry): boolean {
  return (
    a.header.lastModifiedMs > b.header.lastModifiedMs || (a.header.lastModifiedMs === b.header.lastModifiedMs && a.lastUse > b.lastUse)
  );
}

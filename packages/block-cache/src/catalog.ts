import type { BlobProperties } from '@warpforge/blob-backend';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import type { CachedVersion } from './cached-version.ts';
import { channels } from './events.ts';
import { CHUNK_BYTES } from './geometry.ts';
import { decodeHeader, decodeMetadata, type VersionHeader } from './metadata-file.ts';
import type { StoredState, VersionPaths } from './stored-version.ts';

const DATA_SUFFIX = '.data';
const METADATA_SUFFIX = '.meta';
const STAT_BLOCK_BYTES = 512;

/** One version that the cache knows: on disk, or open with its files still to come. */
export interface CatalogEntry {
  readonly id: string;
  readonly header: VersionHeader;
  readonly paths: VersionPaths;
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

/** The name of a version in the cache: a digest, so that any path and ETag make a file name of one length. */
export function versionId(backend: string, blob: Pick<BlobProperties, 'path' | 'etag' | 'size'>): string {
  return createHash('sha256')
    .update(JSON.stringify([backend, blob.path, blob.etag, blob.size]))
    .digest('hex');
}

/** What is on disk: all versions, the room that they take, and in which order they were used. In memory; the files are the truth. */
export class Catalog {
  readonly #directory: string;
  readonly #entries = new Map<string, CatalogEntry>();
  /** Version ids by blob. */
  readonly #versions = new Map<string, Set<string>>();
  #bytes = 0;

  /** @param directory the folder `files` of the cache. */
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

  /** The entry of a blob's version, made when there is none. */
  obtain(backend: string, blob: BlobProperties, blockSize: number, now: number): CatalogEntry {
    const id = versionId(backend, blob);
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const { path, etag, size, lastModifiedMs } = blob;
    return this.#insert(
      id,
      { backend, path, etag, size, lastModifiedMs, blockSize, passed: false },
      { onDisk: false, bytes: 0, lastUse: now, storedChunks: 0 },
    );
  }

  /** Notes that this is the version which is current: all others of the same blob are superseded. */
  makeCurrent(entry: CatalogEntry): void {
    for (const id of this.#versions.get(blobKey(entry.header)) ?? []) {
      const other = this.#entries.get(id);
      if (other !== undefined) other.superseded = other !== entry;
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
    const key = blobKey(entry.header);
    const versions = this.#versions.get(key);
    versions?.delete(entry.id);
    if (versions?.size === 0) this.#versions.delete(key);
  }

  /** Reads the metadata of an entry on disk again. Undefined when it is not valid any more. */
  async load(entry: CatalogEntry): Promise<{ readonly header: VersionHeader; readonly state: StoredState } | undefined> {
    const metadata = await readFile(entry.paths.metadata);
    const header = decodeHeader(metadata)?.header;
    const same = header !== undefined && versionId(header.backend, header) === entry.id;
    return same ? { header, state: { metadata, verified: entry.verified } } : undefined;
  }

  /**
   * Reads the directory at start. Files that can't be used are deleted.
   *
   * @returns the number of records and files that were not as written.
   */
  async scan(signal?: AbortSignal): Promise<number> {
    let corruptions = 0;
    for (const folder of readFolder(this.#directory)) {
      signal?.throwIfAborted();
      await setImmediate();
      const path = join(this.#directory, folder);
      const names = new Set(readFolder(path));
      for (const name of names) {
        if (name.endsWith(METADATA_SUFFIX)) {
          corruptions += this.#readEntry(name.slice(0, -METADATA_SUFFIX.length));
        } else if (name.endsWith(DATA_SUFFIX) && !names.has(name.slice(0, -DATA_SUFFIX.length) + METADATA_SUFFIX)) {
          rmSync(join(path, name), { force: true });
        }
      }
    }
    this.#markSuperseded();
    return corruptions;
  }

  #pathsOf(id: string): VersionPaths {
    const base = join(this.#directory, id.slice(0, 2), id);
    return { data: base + DATA_SUFFIX, metadata: base + METADATA_SUFFIX };
  }

  #insert(
    id: string,
    header: VersionHeader,
    state: { onDisk: boolean; bytes: number; lastUse: number; storedChunks: number },
  ): CatalogEntry {
    const entry: CatalogEntry = {
      id,
      header,
      paths: this.#pathsOf(id),
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
    const key = blobKey(header);
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, new Set([id]));
    else versions.add(id);
    return entry;
  }

  /** Takes one version into the catalog, or deletes its files. Returns the number of damaged places. */
  #readEntry(id: string): number {
    const paths = this.#pathsOf(id);
    let storedChunks = 0;
    const decoded = decodeMetadata(readFileSync(paths.metadata), () => storedChunks++);
    const data = statSync(paths.data, { throwIfNoEntry: false });
    const valid = decoded !== undefined && data?.isFile() === true && versionId(decoded.header.backend, decoded.header) === id;
    if (!valid || data.size !== decoded.header.size) {
      rmSync(paths.metadata, { force: true });
      rmSync(paths.data, { force: true });
      if (!valid) return 0;
      publishCorruption(decoded.header, 'truncated', data.size);
      return 1;
    }
    for (const block of decoded.badRecords) publishCorruption(decoded.header, 'record', block * decoded.header.blockSize);
    const metadata = statSync(paths.metadata);
    this.#insert(id, decoded.header, {
      onDisk: true,
      bytes: (data.blocks + metadata.blocks) * STAT_BLOCK_BYTES,
      lastUse: Math.floor(metadata.mtimeMs / 1000),
      storedChunks,
    });
    return decoded.badRecords.length;
  }

  /** After a restart the version last modified counts as current, until another one is opened. */
  #markSuperseded(): void {
    for (const ids of this.#versions.values()) {
      if (ids.size < 2) continue;
      const versions = [...ids].flatMap((id) => this.#entries.get(id) ?? []);
      versions.sort((a, b) => b.header.lastModifiedMs - a.header.lastModifiedMs || b.lastUse - a.lastUse);
      for (const older of versions.slice(1)) older.superseded = true;
    }
  }
}

/** Whether every chunk of an entry is on disk. */
export function isCompleteEntry(entry: CatalogEntry): boolean {
  if (entry.removing !== undefined) return false;
  if (entry.version !== undefined) return entry.version.stored.map.complete;
  return entry.storedChunks === Math.ceil(entry.header.size / CHUNK_BYTES);
}

function blobKey(header: { readonly backend: string; readonly path: string }): string {
  return `${header.backend}\0${header.path}`;
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}

function publishCorruption(header: VersionHeader, kind: 'record' | 'truncated', offset: number): void {
  const { backend, path, etag } = header;
  channels.corruption.publish({ backend, path, etag, kind, offset });
}

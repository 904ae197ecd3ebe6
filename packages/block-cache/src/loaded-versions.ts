import type { BlobProperties } from '@warpforge/blob-backend';
import { rm } from 'node:fs/promises';

import type { VersionLease } from './cached-file.ts';
import { CachedVersion, type VersionContext } from './cached-version.ts';
import type { Catalog, CatalogEntry } from './catalog.ts';
import type { DiskHealth } from './disk-health.ts';
import { Geometry } from './geometry.ts';
import type { Libc } from './libc.ts';
import type { VersionHeader } from './metadata-file.ts';
import type { OpenFiles } from './open-files.ts';
import { StoredVersion, type StoredState, type VersionPaths } from './stored-version.ts';

/** Memory of a loaded version besides its maps, roughly. */
const VERSION_OVERHEAD_BYTES = 4 * 1024;

/** What the registry of loaded versions works with. */
export interface LoadedVersionsOptions {
  readonly catalog: Catalog;
  readonly files: OpenFiles;
  readonly libc: Libc | undefined;
  readonly health: DiskHealth;
  readonly blockSize: number;
  readonly now: () => number;
  /** Memory for maps of versions that nobody uses just now. */
  readonly idleMapBytes: number;
  /** What the versions share; asked for at the first load. */
  readonly context: () => VersionContext;
}

/** Which versions have their maps in memory: those in use, and as many of the others as fit a bound. */
export class LoadedVersions {
  readonly #options: LoadedVersionsOptions;
  /** Loaded versions that nobody uses, longest idle first. */
  readonly #idle = new Set<CatalogEntry>();
  readonly #background = new Set<Promise<void>>();
  #idleBytes = 0;

  constructor(options: LoadedVersionsOptions) {
    this.#options = options;
  }

  /** The version of a blob, kept loaded until the lease is released. */
  async acquire(backend: string, blob: BlobProperties): Promise<VersionLease> {
    const { catalog, blockSize, now } = this.#options;
    let entry = catalog.obtain(backend, blob, blockSize, now() / 1000);
    while (entry.removing !== undefined) {
      await entry.removing.catch(() => undefined); // Whoever removes it reports; here only the end of it matters.
      entry = catalog.obtain(backend, blob, blockSize, now() / 1000);
    }
    return this.keep(entry);
  }

  /** The version of an entry that is not being removed. */
  async keep(entry: CatalogEntry): Promise<VersionLease> {
    this.#use(entry);
    try {
      return this.#lease(entry, entry.version ?? (await (entry.loading ??= this.#startLoad(entry))));
    } catch (error) {
      this.#release(entry);
      throw error;
    }
  }

  /** Removes the files of an entry. Its version, if loaded, serves nothing from disk any more. */
  async remove(entry: CatalogEntry): Promise<void> {
    entry.removing ??= this.#remove(entry);
    await entry.removing;
  }

  /** Ends all requests; resolves when what had arrived is written. */
  async endRequests(reason: Error): Promise<void> {
    await Promise.all(this.#loaded().map((version) => version.close(reason)));
  }

  /** Stores when the versions were last used; resolves when nothing is under way any more. Nobody uses them by now. */
  async close(): Promise<void> {
    for (const version of this.#loaded()) this.#save(version);
    await Promise.all(this.#background);
  }

  #loaded(): CachedVersion[] {
    return [...this.#options.catalog.entries()].flatMap((entry) => entry.version ?? []);
  }

  #lease(entry: CatalogEntry, version: CachedVersion): VersionLease {
    let held = true;
    return {
      version,
      renew: () => {
        this.#use(entry);
        return this.#lease(entry, version);
      },
      willPass: () => {
        entry.passed = true;
      },
      release: () => {
        if (held) this.#release(entry);
        held = false;
      },
    };
  }

  #use(entry: CatalogEntry): void {
    if (this.#idle.delete(entry)) this.#idleBytes -= sizeOf(entry);
    entry.users++;
  }

  #release(entry: CatalogEntry): void {
    entry.users--;
    if (entry.users > 0 || entry.removing !== undefined || this.#options.catalog.get(entry.id) !== entry) return;
    if (entry.version !== undefined && !entry.version.busy && entry.version.stored.map.presentChunks === 0) {
      this.#forget(entry);
      return;
    }
    this.#idle.add(entry);
    this.#idleBytes += sizeOf(entry);
    for (const oldest of this.#idle) {
      if (this.#idleBytes <= this.#options.idleMapBytes) break;
      if (oldest.version?.busy === true) continue;
      this.#idle.delete(oldest);
      this.#idleBytes -= sizeOf(oldest);
      this.#unload(oldest);
    }
  }

  /** A version without a byte on disk is not worth its files. */
  #forget(entry: CatalogEntry): void {
    if (!entry.onDisk) {
      this.#options.catalog.delete(entry);
      return;
    }
    const forgetting = this.remove(entry)
      .catch((error: unknown) => this.#options.health.report('evict', 'empty cache files could not be removed', error))
      .finally(() => this.#background.delete(forgetting));
    this.#background.add(forgetting);
  }

  #unload(entry: CatalogEntry): void {
    const { version } = entry;
    if (version !== undefined) {
      const { map } = version.stored;
      entry.storedChunks = map.presentChunks;
      entry.verified = map.allPresentVerified;
      entry.lastUse = map.latestUse();
      entry.version = undefined;
      this.#save(version);
    }
  }

  #save(version: CachedVersion): void {
    const saving = version.stored
      .saveLastUse()
      .catch((error: unknown) => this.#options.health.report('write', 'the time of last use of a cache file could not be stored', error))
      .finally(() => this.#background.delete(saving));
    this.#background.add(saving);
  }

  #startLoad(entry: CatalogEntry): Promise<CachedVersion> {
    return this.#load(entry).finally(() => (entry.loading = undefined));
  }

  async #load(entry: CatalogEntry): Promise<CachedVersion> {
    const stored = entry.onDisk ? await this.#readStored(entry) : undefined;
    if (stored !== undefined) {
      const version = this.#make(entry, stored.header, stored.state);
      if (!stored.header.passed || version.stored.map.complete) return (entry.version = version);
      await version.stored.remove(); // It may not be repaired in place.
    }
    entry.passed = false;
    return (entry.version = this.#make(entry, { ...entry.header, passed: false }, undefined));
  }

  /** What the metadata on disk says. What can't be read any more is removed and begun anew. */
  async #readStored(entry: CatalogEntry): Promise<{ header: VersionHeader; state: StoredState } | undefined> {
    const { catalog, health } = this.#options;
    try {
      const stored = await catalog.load(entry);
      if (stored !== undefined) return stored;
      await removeFiles(catalog.pathsOf(entry.id));
    } catch (error) {
      health.report('read', `the cache metadata of ${entry.header.path} can't be read`, error);
    }
    entry.onDisk = false;
    catalog.setBytes(entry, 0);
    return undefined;
  }

  #make(entry: CatalogEntry, header: VersionHeader, state: StoredState | undefined): CachedVersion {
    const { catalog, files, libc, context } = this.#options;
    const geometry = new Geometry(header.size, header.blockSize);
    const onAllocated = (bytes: number): void => {
      entry.onDisk = !stored.removed;
      catalog.setBytes(entry, bytes);
    };
    const stored: StoredVersion = new StoredVersion(
      header,
      geometry,
      catalog.pathsOf(entry.id),
      { files, libc, onAllocated },
      entry.lastUse,
      state,
    );
    return new CachedVersion(entry.id, header, stored, context());
  }

  async #remove(entry: CatalogEntry): Promise<void> {
    if (this.#idle.delete(entry)) this.#idleBytes -= sizeOf(entry);
    const { version } = entry;
    try {
      if (version === undefined) await removeFiles(this.#options.catalog.pathsOf(entry.id));
      else await version.stored.remove();
      this.#options.catalog.delete(entry);
    } catch (error) {
      // The files are still there: the next user reads from disk what they are.
      entry.version = undefined;
      entry.removing = undefined;
      throw error;
    }
  }
}

async function removeFiles({ data, metadata }: VersionPaths): Promise<void> {
  await rm(metadata, { force: true });
  await rm(data, { force: true });
}

function sizeOf(entry: CatalogEntry): number {
  return VERSION_OVERHEAD_BYTES + (entry.version?.stored.mapBytes ?? 0);
}

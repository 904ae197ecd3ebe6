import { LRUCache } from 'lru-cache';
import { RecordError } from '../errors.ts';
import { manifestName, pageName } from '../records/record-names.ts';
import type { RecordStore } from '../records/record-store.ts';
import { ManifestError } from './manifest-error.ts';
import { parseManifest, parsePage } from './manifest-format.ts';
import type { Manifest, ManifestPage } from './manifest.ts';

/** Bytes of their JSON, which is some times that in memory: sixteen pages. Items come in order, so that few are needed at a time. */
const BYTES_KEPT = 16 * 1024 * 1024;

/** Reads the manifest of a job; undefined before it is published. @throws {ManifestError} `MANIFEST_INVALID`. */
export async function readManifest(store: RecordStore, job: string, signal: AbortSignal): Promise<Manifest | undefined> {
  const name = manifestName(job);
  const record = await store.read(name, {}, signal);
  return record === undefined ? undefined : parseManifest(record.body, name);
}

/** Pages of manifests, of which the last ones are kept in memory. */
export class ManifestPages {
  readonly #store: RecordStore;
  readonly #kept = new LRUCache<string, ManifestPage>({ maxSize: BYTES_KEPT });

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** @param etag of the version that is wanted. @throws {ManifestError} */
  async page(job: string, walk: string, page: number, etag: string, signal: AbortSignal): Promise<ManifestPage> {
    const name = pageName(job, walk, page);
    const key = `${name} ${etag}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const body = await this.#read(name, etag, signal);
    const read = parsePage(body, name);
    this.#kept.set(key, read, { size: body.length });
    return read;
  }

  async #read(name: string, etag: string, signal: AbortSignal): Promise<Buffer> {
    const record = await this.#store.read(name, { ifMatch: etag }, signal).catch((cause: unknown) => {
      if (!(cause instanceof RecordError) || cause.code !== 'RECORD_CHANGED') throw cause;
      return undefined;
    });
    if (record === undefined) {
      throw new ManifestError(
        'MANIFEST_CHANGED',
        `the record ${name} is gone, or is not the one that the message means: the job was removed`,
      );
    }
    return record.body;
  }
}

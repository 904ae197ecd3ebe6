import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { versionId, type Catalog } from './catalog.ts';
import { channels, type CorruptionEvent } from './events.ts';
import { decodeMetadata, type VersionHeader } from './metadata-file.ts';

/** Names of cache files; anything else in the folders is not ours and left alone. */
const FILE_NAME = /^([0-9a-f]{64})\.(data|meta)$/;

const STAT_BLOCK_BYTES = 512;

/** How to read the directory. */
export interface ScanOptions {
  readonly signal?: AbortSignal | undefined;
  /** A file that could neither be read nor deleted; it is left out. */
  readonly onFailure: (path: string, error: unknown) => void;
}

/**
 * Reads what is on disk into an empty catalog. Deleted are: files without a valid header or without their partner, data files that are
 * not as long as their blob, and files once passed to the kernel that are not complete, since those may not be repaired in place.
 *
 * @returns the number of records and files that were not as written.
 */
export async function scanFiles(directory: string, catalog: Catalog, options: ScanOptions): Promise<number> {
  let damaged = 0;
  for (const folder of readFolder(directory)) {
    options.signal?.throwIfAborted();
    await setImmediate(); // The calls below are synchronous, which is several times faster for small files; signals still get their turn.
    const names = new Set(readFolder(join(directory, folder)));
    for (const name of names) {
      const [, id = '', kind] = FILE_NAME.exec(name) ?? [];
      if (!id.startsWith(folder)) continue;
      const path = join(directory, folder, name);
      try {
        if (kind === 'meta') damaged += readVersion(catalog, id);
        else if (!names.has(`${id}.meta`)) rmSync(path, { force: true });
      } catch (error) {
        options.onFailure(path, error);
      }
    }
  }
  catalog.markSuperseded();
  return damaged;
}

/** Takes one version into the catalog, or deletes its files. Returns the number of damaged places. */
function readVersion(catalog: Catalog, id: string): number {
  const paths = catalog.pathsOf(id);
  const remove = (): void => {
    rmSync(paths.metadata, { force: true });
    rmSync(paths.data, { force: true });
  };
  let storedChunks = 0;
  const decoded = decodeMetadata(readFileSync(paths.metadata), () => storedChunks++);
  const data = statSync(paths.data, { throwIfNoEntry: false });
  if (decoded === undefined || data?.isFile() !== true || versionId(decoded.header.backend, decoded.header) !== id) {
    remove();
    return 0;
  }
  const { header, geometry, badRecords } = decoded;
  for (const block of badRecords) report(header, 'record', block * header.blockSize);
  if (data.size !== header.size) {
    report(header, 'truncated', Math.min(data.size, header.size));
    remove();
    return badRecords.length + 1;
  }
  if (header.passed && storedChunks < geometry.chunks) {
    remove();
    return badRecords.length;
  }
  const metadata = statSync(paths.metadata);
  const bytes = (data.blocks + metadata.blocks) * STAT_BLOCK_BYTES;
  catalog.add(id, header, { onDisk: true, bytes, lastUse: Math.floor(metadata.mtimeMs / 1000), storedChunks });
  return badRecords.length;
}

function report(header: VersionHeader, kind: CorruptionEvent['kind'], offset: number): void {
  const event: CorruptionEvent = { backend: header.backend, path: header.path, etag: header.etag, kind, offset };
  channels.corruption.publish(event);
}

/** Names in a folder; none when it is a file. */
function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [];
    throw error;
  }
}

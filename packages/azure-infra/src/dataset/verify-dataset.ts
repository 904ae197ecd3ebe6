import { stat } from 'node:fs/promises';
import { ContainerConnection, type ConnectionOptions, type StoredBlob } from './container-connection.ts';
import { describePlace, type ContainerTarget } from './container-target.ts';
import { DatasetVerifyError } from './errors.ts';
import { failureReason } from './failure-reason.ts';
import { FileHasher } from './file-hasher.ts';

/** A blob that should be there. */
export interface ExpectedBlob {
  readonly target: ContainerTarget;
  readonly blobName: string;
  /** The file that it should be the same as; undefined when that is not here, and only its being there can be checked. */
  readonly path: string | undefined;
}

/**
 * How a container differs from what is expected.
 *
 * - `missing`: there is no such blob.
 * - `extra`: a blob that nothing asks for.
 * - `empty`: it has no bytes, and no file is here that has none either.
 * - `size`, `md5`: it is not the same as the file.
 * - `no-md5`: no MD5 was stored with it, so nothing tells whether it is whole.
 */
export type DifferenceKind = 'missing' | 'extra' | 'empty' | 'size' | 'md5' | 'no-md5';

/** One blob that is not as expected. */
export interface DatasetDifference {
  readonly target: ContainerTarget;
  /** Name of the blob. */
  readonly blob: string;
  readonly kind: DifferenceKind;
  /** What should be and what is; bytes, or base64 of MD5s. */
  readonly expected?: number | string | undefined;
  readonly found?: number | string | undefined;
}

/** What a comparison has found. */
export interface DatasetReport {
  /** Blobs that are there as expected. */
  readonly same: number;
  /** Bytes of those. */
  readonly bytes: number;
  /** Of those, the ones whose content was compared with a file. */
  readonly compared: number;
  readonly differences: readonly DatasetDifference[];
}

/** How to compare. */
export interface VerifyOptions extends ConnectionOptions {
  /** The containers to list, also those that should be empty. */
  readonly targets: readonly ContainerTarget[];
  /** Begin of the names that are looked at. */
  readonly prefix: string;
  /** Called after each file. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/**
 * Compares what is in the containers with what should be there.
 *
 * @throws {DatasetVerifyError} `INFRA_VERIFY_FAILED` when a container cannot be listed
 * @throws the system's error for a file that cannot be read
 */
export async function verifyDataset(expected: readonly ExpectedBlob[], options: VerifyOptions): Promise<DatasetReport> {
  const { targets, signal, onProgress } = options;
  const stored = new Map(await Promise.all(targets.map(async (target) => [placeOf(target), await list(target, options)] as const)));
  await using hasher = new FileHasher();
  const differences: DatasetDifference[] = [];
  const totals = { same: 0, bytes: 0, compared: 0 };
  for (const [index, { target, blobName, path }] of expected.entries()) {
    signal.throwIfAborted();
    const blobs = stored.get(placeOf(target));
    const blob = blobs?.get(blobName);
    blobs?.delete(blobName);
    const difference = blob === undefined ? { kind: 'missing' as const } : await compare(blob, path, hasher);
    if (difference !== undefined) differences.push({ target, blob: blobName, ...difference });
    else {
      totals.same += 1;
      totals.bytes += blob?.size ?? 0;
      if (path !== undefined) totals.compared += 1;
    }
    onProgress?.({ done: index + 1, total: expected.length });
  }
  for (const target of targets) {
    for (const [blob, { size }] of stored.get(placeOf(target)) ?? []) differences.push({ target, blob, kind: 'extra', found: size });
  }
  return { ...totals, differences };
}

async function list(target: ContainerTarget, options: VerifyOptions): Promise<Map<string, StoredBlob>> {
  try {
    return await (await ContainerConnection.open(target, options)).list(options.prefix);
  } catch (cause) {
    options.signal.throwIfAborted();
    throw new DatasetVerifyError(`${describePlace(target, options.prefix)} cannot be listed: ${failureReason(cause)}`, { cause });
  }
}

type Difference = Pick<DatasetDifference, 'kind' | 'expected' | 'found'>;

async function compare({ size, md5 }: StoredBlob, path: string | undefined, hasher: FileHasher): Promise<Difference | undefined> {
  if (path === undefined) {
    if (size === 0) return { kind: 'empty' };
    return md5 === undefined ? { kind: 'no-md5' } : undefined;
  }
  const local = (await stat(path)).size;
  // Hashing takes time that a difference in length saves.
  if (local !== size) return { kind: 'size', expected: local, found: size };
  if (md5 === undefined) return { kind: 'no-md5' };
  const expected = (await hasher.hash(path)).toString('base64');
  return expected === md5 ? undefined : { kind: 'md5', expected, found: md5 };
}

function placeOf({ endpoint, container }: ContainerTarget): string {
  return `${endpoint}/${container}`;
}

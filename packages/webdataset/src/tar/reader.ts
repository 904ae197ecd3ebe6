import { BatchedIterator } from './batched-iterator.ts';
import type { TarMember } from './member.ts';
import { archiveName, openArchive, type TarInput } from './open-archive.ts';
import { type ScannedMember, TarScanner } from './scanner.ts';
import type { TarSource } from './source.ts';

/** A member with its data. */
export interface TarEntry {
  readonly member: TarMember;
  /** A view of a larger buffer, which it keeps alive: copy what you keep for long. Empty for what is no file. See `reuseMemory`. */
  readonly data: Buffer;
}

/** How to read an archive. */
export interface ReadTarOptions {
  /** Name of the archive in messages. Default: its path, its URL without secrets, its own name, `<buffer>` or `<stream>`. */
  readonly name?: string;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

/** How to read an archive with its data. */
export interface ReadTarDataOptions extends ReadTarOptions {
  /**
   * True: the data of a member is valid only until the next one is asked for, as its memory is used again. Files are read twice as fast,
   * since a system takes longer to provide fresh memory than to fill it. Default: false, data stays valid as long as it is held.
   */
  readonly reuseMemory?: boolean;
}

/** The members of an archive, one by one. Leaving a `for await` loop closes the archive, and so does disposal. */
export interface TarMembers<T> extends AsyncIterableIterator<T, void, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<T, void>>;
}

/**
 * Reads an archive from its first to its last member; gzip and zstd are decompressed. Memory holds a few windows of 2 MiB, and a larger
 * member while it is read.
 *
 * @param archive a path, a URL, the whole archive in memory, a stream of its bytes, or a custom shard
 * @throws {@link WebDatasetError} `WDS_TRUNCATED`, `WDS_BAD_HEADER`, `WDS_UNSUPPORTED` or `WDS_DECOMPRESS` with the offset in the
 *   uncompressed archive; `WDS_READ`, `WDS_CHANGED`
 */
export function readTar(archive: TarInput, options: ReadTarDataOptions = {}): TarMembers<TarEntry> {
  return new BatchedIterator(scan(archive, options, options.reuseMemory !== true, asEntry, readLarge));
}

/**
 * Lists the members of an archive without their data. All bytes are read, in large windows, but none is kept.
 *
 * @param archive as for {@link readTar}
 * @throws {@link WebDatasetError} as {@link readTar}
 */
export function scanTar(archive: TarInput, options: ReadTarOptions = {}): TarMembers<TarMember> {
  return new BatchedIterator(scan(archive, options, false, ({ member }) => member, passOverLarge));
}

/** A member whose data is in its window, as nearly all are. */
interface WholeMember extends ScannedMember {
  readonly data: Buffer;
}

function asEntry({ member, data }: WholeMember): TarEntry {
  return { member, data };
}

async function readLarge(member: TarMember, source: TarSource): Promise<TarEntry> {
  return { member, data: await source.read(member.offset, member.size) };
}

async function passOverLarge(member: TarMember, source: TarSource): Promise<TarMember> {
  // Whether a stream has all of it is known only behind it.
  if (source.size === Infinity) await source.window(member.offset + member.size);
  return member;
}

/** Members scanned at once: an archive in memory is one window, and may have millions. */
const MAX_BATCH = 1024;

/** The members, in batches of those that need no waiting. */
async function* scan<T>(
  archive: TarInput,
  { name = archiveName(archive), signal }: ReadTarOptions,
  keepsWindows: boolean,
  fromWhole: (scanned: WholeMember) => T,
  fromLarge: (member: TarMember, source: TarSource) => Promise<T>,
): AsyncGenerator<readonly T[], void, undefined> {
  await using source = await openArchive(archive, { name, keepsWindows, signal });
  const scanner = new TarScanner(name, source.size);
  while (!scanner.ended) {
    signal?.throwIfAborted();
    const window = await source.window(scanner.position);
    scanner.endsAt(source.size);
    let batch: T[] = [];
    let failure: { readonly error: unknown } | undefined;
    try {
      for (const { member, data } of scanner.scan(window)) {
        batch.push(data === undefined ? await fromLarge(member, source) : fromWhole({ member, data }));
        if (batch.length < MAX_BATCH) continue;
        yield batch;
        signal?.throwIfAborted();
        batch = [];
      }
    } catch (error) {
      failure = { error };
    }
    // What was found before a fault is handed out before it.
    if (batch.length > 0) yield batch;
    if (failure !== undefined) throw failure.error;
  }
}

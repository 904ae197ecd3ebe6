import type { TarMember } from './member.ts';
import { TarScanner } from './scanner.ts';
import { FileSource, MemorySource, type TarSource } from './source.ts';

/** A member with its data. */
export interface TarEntry {
  readonly member: TarMember;
  /** A view of a larger buffer, which it keeps alive: copy what you keep for long. Empty for what is no file. */
  readonly data: Buffer;
}

/** How to read an archive. */
export interface ReadTarOptions {
  /** Name of the archive in messages. Default: its path, or `<buffer>`. */
  readonly name?: string;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Reads an archive from its first to its last member.
 *
 * @param archive path of a file, or the whole archive in memory
 * @throws {@link WebDatasetError} `WDS_READ`, `WDS_TRUNCATED`, `WDS_BAD_HEADER` or `WDS_UNSUPPORTED`, with the offset
 */
export async function* readTar(archive: string | Uint8Array, options: ReadTarOptions = {}): AsyncGenerator<TarEntry, void, undefined> {
  await using source = await openSource(archive, true);
  const scanner = new TarScanner(nameOf(archive, options), source.size);
  while (!scanner.ended) {
    options.signal?.throwIfAborted();
    for (const { member, data } of scanner.scan(await source.window(scanner.position))) {
      yield { member, data: data ?? (await source.read(member.offset, member.size)) };
    }
  }
}

/**
 * Lists the members of an archive without their data. All bytes are read, in large windows, but none is kept.
 *
 * @param archive path of a file, or the whole archive in memory
 * @throws {@link WebDatasetError} as {@link readTar}
 */
export async function* scanTar(archive: string | Uint8Array, options: ReadTarOptions = {}): AsyncGenerator<TarMember, void, undefined> {
  await using source = await openSource(archive, false);
  const scanner = new TarScanner(nameOf(archive, options), source.size);
  while (!scanner.ended) {
    options.signal?.throwIfAborted();
    for (const { member } of scanner.scan(await source.window(scanner.position))) yield member;
  }
}

async function openSource(archive: string | Uint8Array, keepsWindows: boolean): Promise<TarSource> {
  return typeof archive === 'string' ? FileSource.open(archive, keepsWindows) : new MemorySource(archive);
}

function nameOf(archive: string | Uint8Array, { name }: ReadTarOptions): string {
  return name ?? (typeof archive === 'string' ? archive : '<buffer>');
}

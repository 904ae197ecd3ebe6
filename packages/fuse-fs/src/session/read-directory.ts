import type { InodeNumber, OpenDirectory, RequestContext } from '../file-system.ts';
import { DirectoryPacker } from '../protocol/directory.ts';

/** Entries that come before those of the file system: `.` and `..`. */
const DOT_ENTRIES = 2;
/** The inode of `..` is nobody's business in a listing: the kernel resolves the name by itself. */
const UNKNOWN_INODE = 0xffff_ffff;

/** One reply to READDIR or READDIRPLUS. */
export interface PackedDirectory {
  readonly bytes: Buffer;
  /** Inodes to which the reply hands out a reference each. */
  readonly referenced: readonly InodeNumber[];
}

/**
 * Fills one reply from an open directory. It asks the directory once, so that it answers with what is at hand.
 *
 * @param request.offset 0 at the start, else the number that the last entry of an earlier reply carried.
 * @param plus whether the entries carry attributes and references.
 */
export async function readDirectory(
  directory: OpenDirectory,
  request: { readonly inode: InodeNumber; readonly offset: number; readonly size: number },
  plus: boolean,
  context: RequestContext,
): Promise<PackedDirectory> {
  const packer = new DirectoryPacker(request.size, plus);
  const position = Math.max(0, request.offset - DOT_ENTRIES);
  const entries = await directory.read(position, context);
  if (request.offset < 1) packer.add({ name: '.', kind: 'directory', inode: request.inode, next: 1 });
  if (request.offset < DOT_ENTRIES) packer.add({ name: '..', kind: 'directory', inode: UNKNOWN_INODE, next: DOT_ENTRIES });
  const referenced: InodeNumber[] = [];
  for (const [index, entry] of entries.entries()) {
    const next = position + index + 1 + DOT_ENTRIES;
    const added = packer.add({ name: entry.name, kind: entry.kind, inode: entry.inode, next }, () => {
      const taken = entry.entry();
      referenced.push(taken.attributes.inode);
      return taken;
    });
    if (!added) break;
  }
  return { bytes: packer.bytes, referenced };
}

import {
  FileSystemError,
  type DirectoryEntry,
  type Entry,
  type FileSystem,
  type FileSystemStatistics,
  type InodeNumber,
  type MissingEntry,
  type OpenDirectory,
  type OpenFile,
} from '@warpforge/fuse-fs';
import type { CountedNode, CountedTree } from './counted-tree.ts';

/** The tree never changes. */
const VALID_MS = 60_000;
/** As much as the kernel asks for at once. */
const ZEROS = new Uint8Array(4 * 1024 * 1024);

/** How a mount of the tree behaves. */
export interface Behaviour {
  /** Every open of a file fails with EIO, as where a cache node is broken. */
  readonly fails: boolean;
  /** Milliseconds that each read takes, as where the disk is far away. */
  readonly readDelayMs: number;
}

/** Shows a tree, and counts what is read of it; nothing is cached by the kernel, so that every read is counted. */
export class CountingFileSystem implements FileSystem {
  readonly #tree: CountedTree;
  readonly #behaviour: Behaviour;

  constructor(tree: CountedTree, behaviour: Behaviour) {
    this.#tree = tree;
    this.#behaviour = behaviour;
  }

  lookup(parent: InodeNumber, name: string): Entry | MissingEntry {
    const child = this.#children(parent).get(name);
    return child === undefined ? { validMs: VALID_MS } : entry(child);
  }

  forget(): void {
    // Nothing is forgotten: the tree is fixed.
  }

  attributes(inode: InodeNumber): Entry {
    return entry(this.#node(inode));
  }

  openFile(inode: InodeNumber): OpenFile {
    const node = this.#node(inode);
    if (this.#behaviour.fails) throw new FileSystemError('EIO', `this mount fails on purpose: ${node.path}`);
    node.opened += 1;
    const { size } = node.attributes;
    const { readDelayMs } = this.#behaviour;
    return {
      size,
      keepCache: false,
      directIo: true,
      async read(offset, length) {
        if (readDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, readDelayMs));
        const end = Math.min(size, offset + length);
        node.covered.add(offset, end);
        return ZEROS.subarray(0, Math.max(0, end - offset));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  openDirectory(inode: InodeNumber): OpenDirectory {
    const children = [...this.#children(inode)].map(([name, node]): DirectoryEntry => ({
      name,
      kind: node.attributes.kind,
      inode: node.attributes.inode,
      entry: () => entry(node),
    }));
    return {
      cacheable: true,
      keepCache: true,
      read: (position) => Promise.resolve(children.slice(position, position + LISTED_AT_ONCE)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  statistics(): FileSystemStatistics {
    return { blockSize: 4096, blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0, nameLength: 255 };
  }

  #children(inode: InodeNumber): ReadonlyMap<string, CountedNode> {
    const { children, path } = this.#node(inode);
    if (children === undefined) throw new FileSystemError('ENOTDIR', path);
    return children;
  }

  #node(inode: InodeNumber): CountedNode {
    const node = this.#tree.node(inode);
    if (node === undefined) throw new FileSystemError('ESTALE', `inode ${inode}`);
    return node;
  }
}

/** More than fit into one answer to the kernel. */
const LISTED_AT_ONCE = 1000;

function entry({ attributes }: CountedNode): Entry {
  return { attributes, validMs: VALID_MS };
}

import { hash } from 'node:crypto';
import type { BlobProperties } from '@warpforge/blob-backend';
import type { InodeNumber } from '../file-system.ts';
import { ROOT_INODE } from '../protocol/constants.ts';
import type { BlobSource, FixedDirectory } from './namespace.ts';

/** A directory that the kernel may know. */
export interface DirectoryNode {
  readonly kind: 'directory';
  readonly inode: InodeNumber;
  /** Path inside the file system; `''` is the root. */
  readonly path: string;
  readonly source: BlobSource | undefined;
  /** Children that exist by configuration. */
  readonly fixed: FixedDirectory['children'];
}

/** One version of a blob that the kernel may know. */
export interface FileNode {
  readonly kind: 'file';
  readonly inode: InodeNumber;
  readonly path: string;
  readonly parent: DirectoryNode;
  readonly name: string;
  readonly source: BlobSource;
  readonly blob: BlobProperties;
}

/** What an inode number stands for. */
export type Node = DirectoryNode | FileNode;

interface Slot {
  readonly key: string;
  readonly node: Node;
  references: number;
}

const NO_CHILDREN: FixedDirectory['children'] = new Map();
/** 52 bits of a hash, so that a few steps up still give a safe integer. */
const HASH_DIGITS = 13;

/**
 * The inodes that the kernel holds references to.
 *
 * A number stands for one path and, for files, one version (ETag): the kernel's page cache belongs to the number, so a new version
 * under an old number would show an open handle the new bytes among the old. Numbers are hashes of path and ETag, so they stay the same
 * after the kernel has forgotten an inode and over restarts; should two that are in use collide, the later one takes the next free
 * number.
 */
export class Inodes {
  readonly root: DirectoryNode;
  readonly #slots = new Map<InodeNumber, Slot>();

  constructor(root: FixedDirectory) {
    this.root = { kind: 'directory', inode: ROOT_INODE, path: '', source: root.source, fixed: root.children };
    this.#slots.set(ROOT_INODE, { key: directoryKey(''), node: this.root, references: 1 });
  }

  /** Inodes in use. */
  get size(): number {
    return this.#slots.size;
  }

  get(inode: InodeNumber): Node | undefined {
    return this.#slots.get(inode)?.node;
  }

  /** The number that a child has, or would get; for listings, which hand out no reference. */
  numberOf(parent: DirectoryNode, name: string, blob: BlobProperties | undefined): InodeNumber {
    const path = `${parent.path}/${name}`;
    return this.#place(blob === undefined ? directoryKey(path) : fileKey(path, blob)).inode;
  }

  /** Takes a reference to a directory. */
  takeDirectory(parent: DirectoryNode, name: string): DirectoryNode {
    const path = `${parent.path}/${name}`;
    const fixed = parent.fixed.get(name);
    const source = fixed === undefined ? childSource(parent.source, name) : fixed.source;
    return this.#take(directoryKey(path), (inode) => ({ kind: 'directory', inode, path, source, fixed: fixed?.children ?? NO_CHILDREN }));
  }

  /** Takes a reference to one version of a file. */
  takeFile(parent: DirectoryNode, name: string, source: BlobSource, blob: BlobProperties): FileNode {
    const path = `${parent.path}/${name}`;
    return this.#take(fileKey(path, blob), (inode) => ({ kind: 'file', inode, path, parent, name, source, blob }));
  }

  /** Gives references back; an inode without any is dropped. The root stays. */
  forget(inode: InodeNumber, count: number): void {
    const slot = this.#slots.get(inode);
    if (slot === undefined || inode === ROOT_INODE) return;
    slot.references -= count;
    if (slot.references <= 0) this.#slots.delete(inode);
  }

  /** The key says which kind of node it stands for, so an existing node under it is of the wanted type. */
  #take<Kind extends Node>(key: string, create: (inode: InodeNumber) => Kind): Kind {
    const { inode, slot } = this.#place(key);
    const node = slot === undefined ? create(inode) : (slot.node as Kind);
    if (slot === undefined) this.#slots.set(inode, { key, node, references: 1 });
    else slot.references++;
    return node;
  }

  /** Where a key is, or the free number that it would get. */
  #place(key: string): { readonly inode: InodeNumber; readonly slot: Slot | undefined } {
    let inode = Number.parseInt(hash('sha256', key).slice(0, HASH_DIGITS), 16);
    for (;;) {
      const slot = this.#slots.get(inode);
      if (inode > ROOT_INODE && (slot === undefined || slot.key === key)) return { inode, slot };
      inode++;
    }
  }
}

/** Where the blobs of a child directory come from. */
export function childSource(source: BlobSource | undefined, name: string): BlobSource | undefined {
  return source === undefined ? undefined : { backend: source.backend, prefix: `${source.prefix}${name}/` };
}

function directoryKey(path: string): string {
  return `${path}/`;
}

function fileKey(path: string, blob: BlobProperties): string {
  return `${path}\0${blob.etag}`;
}

import type { Attributes } from '@warpforge/fuse-fs';
import { CoveredBytes } from './covered-bytes.ts';

/** What a tree consists of: folders of files of equal size, all of zeros. */
export interface TreeShape {
  readonly folders: readonly { readonly name: string; readonly files: number; readonly size: number }[];
}

/** What was read of a tree, through all of its mounts together. */
export interface ReadCounts {
  readonly files: number;
  readonly bytes: number;
  /** Bytes given out to readers, each as often as it was. */
  readonly served: number;
  /** How many different bytes of the files were read. */
  readonly distinct: number;
  /** The first paths of which bytes were never read. */
  readonly missed: readonly string[];
  /** Files that were opened at least once. */
  readonly opened: number;
}

/** A file or directory of the tree. */
export interface CountedNode {
  readonly path: string;
  readonly attributes: Attributes;
  readonly children: ReadonlyMap<string, CountedNode> | undefined;
  readonly covered: CoveredBytes;
  opened: number;
}

const MISSED_SHOWN = 20;
/** Any fixed time: the manifest is compared with it. */
const MODIFIED_MS = Date.UTC(2026, 0, 1);

/** A tree of files that exist only as numbers, and what was read of them. */
export class CountedTree {
  readonly #nodes: CountedNode[] = [];

  constructor({ folders }: TreeShape) {
    const root = new Map<string, CountedNode>();
    this.#add('', 0, root);
    for (const { name, files, size } of folders) {
      const children = new Map<string, CountedNode>();
      root.set(name, this.#add(name, 0, children));
      for (let file = 0; file < files; file++) {
        const fileName = `file-${String(file).padStart(6, '0')}.bin`;
        children.set(fileName, this.#add(`${name}/${fileName}`, size, undefined));
      }
    }
  }

  node(inode: number): CountedNode | undefined {
    return this.#nodes[inode - 1];
  }

  get counts(): ReadCounts {
    const files = this.#nodes.filter(({ children }) => children === undefined);
    const sum = (value: (node: CountedNode) => number): number => files.reduce((total, node) => total + value(node), 0);
    return {
      files: files.length,
      bytes: sum(({ attributes }) => attributes.size),
      served: sum(({ covered }) => covered.served),
      distinct: sum(({ covered }) => covered.distinct),
      missed: files
        .filter(({ attributes, covered, opened }) => covered.distinct < attributes.size || opened === 0)
        .map(({ path }) => path)
        .slice(0, MISSED_SHOWN),
      opened: files.filter(({ opened }) => opened > 0).length,
    };
  }

  #add(path: string, size: number, children: ReadonlyMap<string, CountedNode> | undefined): CountedNode {
    const isFile = children === undefined;
    const attributes: Attributes = {
      inode: this.#nodes.length + 1,
      kind: isFile ? 'file' : 'directory',
      permissions: isFile ? 0o444 : 0o555,
      size,
      modifiedMs: MODIFIED_MS,
      uid: 0,
      gid: 0,
    };
    const node = { path, attributes, children, covered: new CoveredBytes(), opened: 0 };
    this.#nodes.push(node);
    return node;
  }
}

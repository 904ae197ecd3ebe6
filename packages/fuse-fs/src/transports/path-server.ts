import type { FileSystem, InodeNumber, OpenFile } from '../file-system.ts';
import { ERRNO, errnoOf, Refusal } from '../session/errno.ts';
import { RequestScope } from '../session/interrupts.ts';
import type { NativeDone, NativeOperations, NativeStats } from './fuse-native-binding.ts';
import { walk, type Walked } from './path-walk.ts';
import type { SessionStats } from './transport.ts';

/** The numbers for statfs have 32 bits. */
const MAX_COUNT = 2 ** 32 - 1;
const STAT_BLOCK = 512;

/** Operations that would change the tree. */
const REFUSED = [
  ...(['create', 'mknod', 'mkdir', 'unlink', 'rmdir', 'rename', 'link', 'symlink', 'write', 'truncate', 'ftruncate'] as const),
  ...(['chmod', 'chown', 'utimens', 'setxattr', 'removexattr'] as const),
];
/** The access mode within the flags of open(2). */
const ACCESS_MODE = 3;

interface OpenHandle {
  readonly file: OpenFile;
  /** Holds the inode while the file is open. */
  readonly walked: Walked;
}

/** Answers the operations of libfuse's high-level interface, which name files by path, with what a file system says. */
export class PathServer {
  readonly #fileSystem: FileSystem;
  readonly #handles = new Map<number, OpenHandle>();
  readonly #counts = new Map<string, number>();
  #last = 0;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** Counters; nothing is ever read without the main thread. */
  get stats(): SessionStats {
    const operations = Object.fromEntries(this.#counts);
    return { operations, threadReads: 0, threadReadBytes: 0, passthroughOpens: 0, openFiles: this.#handles.size };
  }

  /** The operations to give to the library. */
  operations(): NativeOperations {
    const refuse = (...args: readonly unknown[]): void => (args.at(-1) as NativeDone)(-ERRNO.EROFS);
    return {
      ...Object.fromEntries(REFUSED.map((name) => [name, refuse])),
      getattr: (path, done) => void this.#answer('getattr', done, (scope) => this.#stat(path, scope)),
      fgetattr: (path, handle, done) =>
        void this.#answer('getattr', done, async (scope) => {
          const open = this.#handles.get(handle);
          return open === undefined ? this.#stat(path, scope) : statsOf(open.walked);
        }),
      readdir: (path, done) => void this.#answer('readdir', done, (scope) => this.#list(path, scope)),
      open: (path, flags, done) => void this.#answer('open', done, (scope) => this.#open(path, flags, scope)),
      read: (_path, handle, target, length, offset, done) =>
        void this.#answer<number>(
          'read',
          (status, read) => done(read ?? status),
          async (scope) => {
            const open = this.#handles.get(handle);
            if (open === undefined) throw new Refusal('EBADF');
            const bytes = await open.file.read(offset, length, scope);
            target.set(bytes);
            return bytes.length;
          },
        ),
      release: (_path, handle, done) => void this.#answer('release', done, () => this.#release(handle)),
      statfs: (_path, done) => void this.#answer('statfs', done, () => this.#statistics()),
    };
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    await Promise.all([...this.#handles.keys()].map((handle) => this.#release(handle)));
  }

  async #answer<Result>(operation: string, done: NativeDone<Result>, work: (scope: RequestScope) => Promise<Result>): Promise<void> {
    this.#counts.set(operation, (this.#counts.get(operation) ?? 0) + 1);
    const scope = new RequestScope();
    let result: Result;
    try {
      result = await work(scope);
    } catch (error) {
      done(-ERRNO[errnoOf(error, scope)]);
      return;
    }
    done(0, result);
  }

  async #stat(path: string, scope: RequestScope): Promise<NativeStats> {
    using walked = await walk(this.#fileSystem, path, scope);
    return statsOf(walked);
  }

  async #list(path: string, scope: RequestScope): Promise<string[]> {
    using walked = await walk(this.#fileSystem, path, scope);
    await using directory = await this.#fileSystem.openDirectory(walked.attributes.inode, scope);
    const names: string[] = [];
    for (let entries = await directory.read(0, scope); entries.length > 0; entries = await directory.read(names.length, scope)) {
      for (const { name } of entries) names.push(name);
    }
    return names;
  }

  async #open(path: string, flags: number, scope: RequestScope): Promise<InodeNumber> {
    if ((flags & ACCESS_MODE) !== 0) throw new Refusal('EROFS');
    const walked = await walk(this.#fileSystem, path, scope);
    try {
      const file = await this.#fileSystem.openFile(walked.attributes.inode, scope);
      const handle = ++this.#last;
      this.#handles.set(handle, { file, walked });
      return handle;
    } catch (error) {
      walked[Symbol.dispose]();
      throw error;
    }
  }

  async #release(handle: number): Promise<void> {
    const open = this.#handles.get(handle);
    if (open === undefined) return;
    this.#handles.delete(handle);
    open.walked[Symbol.dispose]();
    await open.file[Symbol.asyncDispose]();
  }

  async #statistics(): Promise<Record<string, number>> {
    const { blockSize, blocks, freeBlocks, files, freeFiles, nameLength } = await this.#fileSystem.statistics();
    const count = (value: number): number => Math.min(value, MAX_COUNT);
    return {
      bsize: blockSize,
      frsize: blockSize,
      blocks: count(blocks),
      bfree: count(freeBlocks),
      bavail: count(freeBlocks),
      files: count(files),
      ffree: count(freeFiles),
      favail: count(freeFiles),
      namemax: nameLength,
    };
  }
}

function statsOf({ attributes }: Walked): NativeStats {
  const { kind, permissions, uid, gid, size, modifiedMs } = attributes;
  return {
    mode: (kind === 'directory' ? 0o040000 : 0o100000) | permissions,
    uid,
    gid,
    size,
    nlink: 1,
    blocks: Math.ceil(size / STAT_BLOCK),
    atime: modifiedMs,
    mtime: modifiedMs,
    ctime: modifiedMs,
  };
}

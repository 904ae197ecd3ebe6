import { closeSync, fstatSync, ftruncateSync, openSync, read, write } from 'node:fs';

import type { Libc } from './libc.ts';
import type { OpenFiles, PooledFile } from './open-files.ts';

/** `st_blocks` counts in these, whatever the file system's block. */
const STAT_BLOCK_BYTES = 512;

/** Bytes that an open file takes on disk. */
export function allocatedBytes(fd: number): number {
  return fstatSync(fd).blocks * STAT_BLOCK_BYTES;
}

/** Makes a new empty file of `size` bytes that takes no room yet; one that is there already fails with EEXIST. */
export function createSparse(path: string, size: number): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
}

/** The bytes of one version, each at its own offset in a sparse file. Knows nothing of chunks. */
export class DataFile {
  readonly file: PooledFile;
  readonly #libc: Libc | undefined;

  constructor(files: OpenFiles, path: string, mode: 'read' | 'write', libc: Libc | undefined) {
    this.file = files.file(path, mode);
    this.#libc = libc;
  }

  /** Fills `target` from `position`. Resolves with the bytes read: fewer when the file ends before. */
  async readInto(target: Uint8Array, position: number): Promise<number> {
    const fd = this.file.pin();
    try {
      let done = 0;
      while (done < target.length) {
        const count = await readOnce(fd, target, done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    } finally {
      this.file.unpin();
    }
  }

  /** Writes all of `bytes` at `position`. */
  async writeAt(bytes: Uint8Array, position: number): Promise<void> {
    await writeFully(this.file, bytes, position);
  }

  /** Frees a range. Without `fallocate` this must not be called. */
  async punch(position: number, length: number): Promise<void> {
    if (this.#libc === undefined) throw new Error('holes need fallocate, which could not be loaded');
    const fd = this.file.pin();
    try {
      await this.#libc.punchHole(fd, position, length);
    } finally {
      this.file.unpin();
    }
  }

  /** Length of the file; that of the blob, unless someone changed it. */
  size(): number {
    const fd = this.file.pin();
    try {
      return fstatSync(fd).size;
    } finally {
      this.file.unpin();
    }
  }

  /** Bytes on disk. */
  allocated(): number {
    const fd = this.file.pin();
    try {
      return allocatedBytes(fd);
    } finally {
      this.file.unpin();
    }
  }
}

/** Writes all of `bytes` at `position`, with one `pwrite` unless the disk takes only a part. */
export async function writeFully(file: PooledFile, bytes: Uint8Array, position: number): Promise<void> {
  const fd = file.pin();
  try {
    let done = 0;
    while (done < bytes.length) done += await writeOnce(fd, bytes, done, position + done);
  } finally {
    file.unpin();
  }
}

// The callback API on a bare descriptor: a FileHandle can't be shared with threads, and costs 20 % more per read.

function readOnce(fd: number, target: Uint8Array, start: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, start, target.length - start, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

function writeOnce(fd: number, bytes: Uint8Array, start: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, start, bytes.length - start, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

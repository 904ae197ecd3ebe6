import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';

import { BlockTraffic } from './block-traffic.ts';
import { ChunkMap } from './chunk-map.ts';
import { allocatedBytes, createSparse, DataFile, writeFully } from './data-file.ts';
import { CHUNK_BYTES, range, type Geometry } from './geometry.ts';
import type { Libc } from './libc.ts';
import { decodeMetadata, encodeHeader, encodeRecord, recordLength, type VersionHeader } from './metadata-file.ts';
import type { OpenFiles, PooledFile } from './open-files.ts';
import { RecordWriter } from './record-writer.ts';

/** Bytes read at once for verification: enough for the disk's full speed, little enough to give others their turn. */
const VERIFY_BATCH_BYTES = 1024 * 1024;

/** Where a version lies. */
export interface VersionPaths {
  readonly data: string;
  readonly metadata: string;
}

/** What a stored version needs from its cache. */
export interface StoreContext {
  readonly files: OpenFiles;
  readonly libc: Libc | undefined;
  /** Called with the bytes on disk of both files whenever they may have changed. */
  readonly onAllocated: (bytes: number) => void;
}

/** What is on disk of a version. */
export interface StoredState {
  /** Content of the metadata file, with a valid header. */
  readonly metadata: Buffer;
  /** Whether its chunks were all verified since the start. */
  readonly verified: boolean;
}

/**
 * The two files of one version, and the order in which they change, on which every promise after a kill or a power loss rests:
 *
 * - filling: data, then record. A record that is there names bytes that were written before it.
 * - eviction of a block: bits cleared and generation raised in memory, record cleared, then the hole.
 * - removal: metadata, then data. Data without metadata is deleted at the next start.
 * - once `passed`, nothing but removal.
 *
 * The files come into being with the first write, or when a thread wants to look at them.
 */
export class StoredVersion {
  readonly geometry: Geometry;
  readonly map: ChunkMap;
  /** The data file, to be pinned by who hands its descriptor out. */
  readonly file: PooledFile;
  readonly #paths: VersionPaths;
  readonly #context: StoreContext;
  readonly #crcs: Uint32Array;
  readonly #headerLength: number;
  readonly #data: DataFile;
  readonly #metadata: PooledFile;
  #header: VersionHeader;
  #onDisk: boolean;
  #removed = false;
  #passing: Promise<void> | undefined;
  readonly #traffic = new BlockTraffic();
  readonly #records = new RecordWriter((block) => this.#writeRecord(block));

  constructor(
    header: VersionHeader,
    geometry: Geometry,
    paths: VersionPaths,
    context: StoreContext,
    lastUseSeconds: number,
    stored: StoredState | undefined,
  ) {
    this.geometry = geometry;
    this.map = new ChunkMap(geometry, lastUseSeconds);
    this.#header = header;
    this.#paths = paths;
    this.#context = context;
    this.#crcs = new Uint32Array(geometry.chunks);
    this.#onDisk = stored !== undefined;
    this.#data = new DataFile(context.files, paths.data, header.passed ? 'read' : 'write', context.libc);
    this.file = this.#data.file;
    this.#metadata = context.files.file(paths.metadata, 'write');
    const decoded = decodeMetadata(stored?.metadata ?? encodeHeader(header), (chunk, crc) => {
      this.#crcs[chunk] = crc;
      this.map.markPresent(chunk);
      if (stored?.verified === true) this.map.markVerified(chunk);
    });
    if (decoded === undefined) throw new Error(`the cache metadata of ${header.path} is not valid`);
    this.#headerLength = decoded.headerLength;
  }

  /** Whether the kernel was ever given this file. */
  get passed(): boolean {
    return this.#header.passed;
  }

  /** Whether the files are gone. */
  get removed(): boolean {
    return this.#removed;
  }

  /** Whether there are files on disk. */
  get onDisk(): boolean {
    return this.#onDisk;
  }

  /** Memory that the maps take. */
  get mapBytes(): number {
    return this.map.state.byteLength + this.#crcs.byteLength;
  }

  /** Makes the files if there are none: sparse, with a header and no record. Synchronous, as it happens once and takes a few system calls. */
  create(): void {
    if (this.#onDisk || this.#removed) return;
    const { data, metadata } = this.#paths;
    mkdirSync(dirname(data), { recursive: true, mode: 0o700 });
    rmSync(metadata, { force: true });
    rmSync(data, { force: true });
    createSparse(data, this.geometry.size);
    writeFileSync(metadata, encodeHeader(this.#header), { flag: 'wx', mode: 0o600 });
    this.#onDisk = true;
    this.#account();
  }

  /**
   * Writes whole chunks, then their records. When it rejects, the chunks are absent.
   *
   * @returns false when the files were removed meanwhile.
   */
  async write(firstChunk: number, bytes: Uint8Array, crcs: readonly number[]): Promise<boolean> {
    const first = this.geometry.blockOf(firstChunk);
    const last = this.geometry.blockOf(firstChunk + crcs.length - 1);
    return this.#traffic.write(first, last, async () => {
      if (this.#removed || this.#header.passed) return false;
      try {
        this.create();
        await this.#data.writeAt(bytes, firstChunk * CHUNK_BYTES);
        if (this.removed) return false;
        for (const [index, crc] of crcs.entries()) {
          this.#crcs[firstChunk + index] = crc;
          this.map.markPresent(firstChunk + index);
          this.map.markVerified(firstChunk + index);
        }
        await this.#records.write(range(first, last + 1));
        this.#account();
        return true;
      } catch (error) {
        for (let chunk = firstChunk; chunk < firstChunk + crcs.length; chunk++) this.map.clearChunk(chunk);
        if (this.removed) return false;
        throw error;
      }
    });
  }

  /**
   * Fills `target` from `offset`, all of whose chunks must be verified.
   *
   * @returns `raced` when an eviction came between, `short` when the file ends too early: `target` is worth nothing then.
   */
  async read(target: Uint8Array, offset: number): Promise<'read' | 'raced' | 'short'> {
    const first = this.geometry.chunkAt(offset);
    const last = this.geometry.chunkAt(offset + target.length - 1);
    const generations = this.map.generations(first, last);
    const count = await this.#data.readInto(target, offset);
    if (this.map.generations(first, last) !== generations) return 'raced';
    return count === target.length ? 'read' : 'short';
  }

  /** Checks the present, unverified chunks among `first` up to (not including) `end`, dropping what is not as written. Returns the dropped ones. */
  async verify(first: number, end: number, signal?: AbortSignal): Promise<number[]> {
    const bad: number[] = [];
    for (let chunk = first; chunk < end;) {
      if (!this.#needsVerification(chunk)) {
        chunk++;
        continue;
      }
      const limit = Math.min(end, chunk + VERIFY_BATCH_BYTES / CHUNK_BYTES);
      let runEnd = chunk + 1;
      while (runEnd < limit && this.#needsVerification(runEnd)) runEnd++;
      bad.push(...(await this.#verifyRun(chunk, runEnd)));
      signal?.throwIfAborted();
      chunk = runEnd;
    }
    return bad;
  }

  /** Present chunks that the data file is too short to hold: someone cut it. */
  chunksBeyondFile(): number[] {
    const size = this.#data.size();
    const chunks: number[] = [];
    for (let chunk = this.geometry.chunkAt(size); chunk < this.geometry.chunks; chunk++) {
      if (this.map.isPresent(chunk) && this.geometry.chunkEnd(chunk) > size) chunks.push(chunk);
    }
    return chunks;
  }

  /** Forgets chunks that can't be read, on disk too. In a file that was passed this can't be done in place: remove it instead. */
  async drop(chunks: readonly number[]): Promise<void> {
    for (const chunk of chunks) this.map.clearChunk(chunk);
    if (!this.#removed) await this.#records.write(chunks.map((chunk) => this.geometry.blockOf(chunk)));
  }

  /** Whether {@link StoredVersion.evictBlock} may free this block now. */
  canEvictBlock(block: number): boolean {
    return this.#context.libc !== undefined && !this.#header.passed && !this.#removed && this.#traffic.isFree(block);
  }

  /** Frees a block by a hole. Readers may go on: those that raced see the generation. Returns its chunks that read-ahead brought for nothing. */
  async evictBlock(block: number): Promise<number> {
    if (!this.canEvictBlock(block)) return 0;
    const wasted = this.map.clearBlock(block);
    await this.#traffic.evict(block, () => this.#freeBlock(block));
    return wasted;
  }

  /** Records on disk that the file is going to the kernel. Resolves once the record is written. */
  async markPassed(): Promise<void> {
    if (this.#header.passed && this.#passing === undefined) return;
    this.#passing ??= this.#writePassed();
    try {
      await this.#passing;
    } finally {
      this.#passing = undefined;
    }
  }

  /** Deletes both files. Open descriptors stay readable; views of threads see every chunk absent. */
  async remove(): Promise<void> {
    this.#removed = true;
    for (let block = 0; block < this.geometry.blocks; block++) this.map.clearBlock(block);
    if (!this.#onDisk) return;
    await rm(this.#paths.metadata, { force: true });
    await rm(this.#paths.data, { force: true });
    this.#metadata.retire();
    this.#data.file.retire();
    this.#onDisk = false;
    this.#context.onAllocated(0);
  }

  /** Stores the time of last use, for the order of eviction after a restart. */
  async saveLastUse(): Promise<void> {
    if (!this.#onDisk || this.#removed) return;
    const seconds = this.map.latestUse();
    await utimes(this.#paths.metadata, seconds, seconds);
  }

  #needsVerification(chunk: number): boolean {
    return this.map.isPresent(chunk) && !this.map.isVerified(chunk);
  }

  async #verifyRun(first: number, end: number): Promise<number[]> {
    const start = first * CHUNK_BYTES;
    const bytes = Buffer.allocUnsafeSlow(this.geometry.chunkEnd(end - 1) - start);
    const generations = this.map.generations(first, end - 1);
    const count = await this.#data.readInto(bytes, start);
    if (this.map.generations(first, end - 1) !== generations) return [];
    const bad: number[] = [];
    for (let chunk = first; chunk < end; chunk++) {
      const chunkEnd = this.geometry.chunkEnd(chunk) - start;
      if (chunkEnd <= count && crc32(bytes.subarray(chunk * CHUNK_BYTES - start, chunkEnd)) === this.#crcs[chunk])
        this.map.markVerified(chunk);
      else bad.push(chunk);
    }
    return bad;
  }

  async #freeBlock(block: number): Promise<void> {
    await this.#records.write([block]);
    const start = block * this.geometry.blockSize;
    await this.#data.punch(start, this.geometry.blockEnd(block) - start);
    this.#account();
  }

  async #writePassed(): Promise<void> {
    const before = this.#header;
    this.#header = { ...before, passed: true }; // From here on nothing touches the data, though the record is still on its way.
    try {
      await writeFully(this.#metadata, encodeHeader(this.#header), 0);
    } catch (error) {
      this.#header = before;
      throw error;
    }
  }

  async #writeRecord(block: number): Promise<void> {
    const record = encodeRecord(
      this.geometry,
      block,
      (chunk) => this.map.isPresent(chunk),
      (chunk) => this.#crcs[chunk] ?? 0,
    );
    await writeFully(this.#metadata, record, this.#headerLength + block * recordLength(this.geometry));
  }

  #account(): void {
    if (this.#removed) return;
    const fd = this.#metadata.pin();
    try {
      this.#context.onAllocated(this.#data.allocated() + allocatedBytes(fd));
    } finally {
      this.#metadata.unpin();
    }
  }
}

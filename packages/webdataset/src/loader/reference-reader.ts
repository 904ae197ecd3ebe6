import type { WebDatasetError } from '../errors.ts';
import type { Crew } from '../workers/crew.ts';
import { fromErrorRecord } from '../workers/error-record.ts';
import { IMAGE_WORDS, NO_WINDOW, type ScanReply } from '../workers/protocol.ts';
import type { WindowLease, WindowPool } from './window-pool.ts';

/** One sample, by where its image lies. */
export interface SampleReference {
  readonly shard: string;
  readonly key: string;
  readonly label: number;
  /** Where the image starts in the shard, in bytes. */
  readonly offset: number;
  /** Length of the image file, in bytes. */
  readonly size: number;
  /** The window that holds the image's bytes, as long as it is valid. */
  readonly lease: WindowLease | undefined;
  /** Where the image starts in the window. */
  readonly windowOffset: number;
  /** Why the sample cannot be used. */
  readonly fault: WebDatasetError | undefined;
}

/** The samples of one window, in archive order. */
export interface ReferenceChunk {
  readonly references: readonly SampleReference[];
  /** Why the shard ends here, if it ends too early. */
  readonly failure: WebDatasetError | undefined;
}

/** A pass over one shard. */
interface Cursor {
  readonly id: number;
  readonly shard: string;
  readonly reader: number;
  readonly ready: { readonly chunk: ReferenceChunk; readonly lease: WindowLease | undefined }[];
  /** The scan under way. */
  pending: Promise<void> | undefined;
  /** Nothing is left to scan. */
  ended: boolean;
}

/**
 * The samples of an epoch in canonical order: shard after shard, each in archive order. While one shard is being used, the readers
 * of the crew read the following ones, as far ahead as the crew allows. The shard being used always goes on, if need be without a
 * window, so that reading ahead never blocks it.
 */
export class ReferenceReader implements AsyncDisposable {
  readonly #crew: Crew;
  readonly #windows: WindowPool;
  readonly #shards: readonly string[];
  /** Shards that are open or not yet handed out in full, in canonical order. */
  readonly #cursors: Cursor[] = [];
  readonly #idleReaders: number[];
  #opened = 0;
  #windowsAhead = 0;
  #failure: Error | undefined;
  #stopped = false;

  /** @param shards in the order to visit them */
  constructor(crew: Crew, windows: WindowPool, shards: readonly string[]) {
    this.#crew = crew;
    this.#windows = windows;
    this.#shards = shards;
    this.#idleReaders = Array.from({ length: crew.readers }, (_, reader) => crew.readers - 1 - reader);
  }

  /** The next window's samples; undefined at the end of the epoch. */
  async next(): Promise<ReferenceChunk | undefined> {
    for (;;) {
      this.#readAhead();
      const head = this.#cursors[0] ?? this.#openNext();
      if (head === undefined) return undefined;
      const first = head.ready.shift();
      if (first !== undefined) {
        if (first.lease !== undefined) {
          this.#windowsAhead--;
          this.#windows.allowReclaim(first.lease);
        }
        if (head.ended && head.ready.length === 0) this.#cursors.shift();
        this.#readAhead();
        return first.chunk;
      }
      if (head.pending === undefined) this.#scan(head, this.#windows.take());
      await head.pending;
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  /** Waits for the reads under way and gives up the rest. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    for (const { pending } of this.#cursors) await pending;
    await Promise.all(this.#cursors.filter(({ ended }) => !ended).map(({ reader, id }) => this.#crew.close(reader, id)));
  }

  /** Starts what may be read before it is needed: the next window of each open shard, and further shards on idle readers. */
  #readAhead(): void {
    if (this.#stopped || this.#failure !== undefined) return;
    for (const cursor of this.#cursors) this.#scanAhead(cursor);
    while (this.#mayReadAhead()) {
      const cursor = this.#openNext();
      if (cursor === undefined) return;
      this.#scanAhead(cursor);
    }
  }

  #mayReadAhead(): boolean {
    return this.#windowsAhead < this.#crew.windowsAhead;
  }

  #scanAhead(cursor: Cursor): void {
    if (cursor.ended || cursor.pending !== undefined || !this.#mayReadAhead()) return;
    const lease = this.#windows.take();
    if (lease !== undefined) this.#scan(cursor, lease);
  }

  /** Begins the pass over the next shard; undefined when there is none, or every reader has one. */
  #openNext(): Cursor | undefined {
    const shard = this.#shards[this.#opened];
    const reader = shard === undefined ? undefined : this.#idleReaders.pop();
    if (shard === undefined || reader === undefined) return undefined;
    const cursor: Cursor = { id: this.#opened++, shard, reader, ready: [], pending: undefined, ended: false };
    this.#cursors.push(cursor);
    return cursor;
  }

  #scan(cursor: Cursor, lease: WindowLease | undefined): void {
    if (lease !== undefined) this.#windowsAhead++;
    const { reader, id, shard } = cursor;
    cursor.pending = this.#crew
      .scan(reader, { kind: 'scan', cursor: id, shard, window: lease?.slot ?? NO_WINDOW })
      .then(
        (reply) => {
          cursor.ready.push({ chunk: toChunk(reply, shard, lease), lease });
          cursor.ended = reply.ended;
          if (reply.ended) this.#idleReaders.push(reader);
        },
        (error: unknown) => {
          if (lease !== undefined) this.#windows.release(lease);
          this.#failure ??= error instanceof Error ? error : new Error(String(error));
        },
      )
      .then(() => {
        cursor.pending = undefined;
        this.#readAhead();
      });
  }
}

function toChunk(reply: ScanReply, shard: string, lease: WindowLease | undefined): ReferenceChunk {
  const faults = new Map(reply.faults.map(({ index, error }) => [index, fromErrorRecord(error)]));
  const references = reply.keys.map((key, index): SampleReference => {
    const [offset = 0, size = 0, windowOffset = NO_WINDOW] = reply.images.subarray(index * IMAGE_WORDS, (index + 1) * IMAGE_WORDS);
    const fault = faults.get(index);
    const inWindow = fault === undefined && windowOffset !== NO_WINDOW ? lease : undefined;
    if (inWindow !== undefined) inWindow.remaining++;
    return { shard, key, label: reply.labels[index] ?? 0, offset, size, lease: inWindow, windowOffset, fault };
  });
  return { references, failure: reply.failure === undefined ? undefined : fromErrorRecord(reply.failure) };
}

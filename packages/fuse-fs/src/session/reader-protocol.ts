import type { ThreadView } from '@warpforge/block-cache';

/** What a reader thread is started with. */
export interface ReaderSetup {
  /** The open `/dev/fuse`; all threads read from the same descriptor. */
  readonly fd: number;
  readonly requestBufferSize: number;
  readonly maxReadSize: number;
  /** Shared counters, see {@link ReaderCounter}. */
  readonly counters: SharedArrayBuffer;
}

/** Index of each counter in a thread's own 64-bit words. */
export const ReaderCounter = {
  /** READs that the thread answered by itself. */
  reads: 0,
  /** Their bytes. */
  bytes: 1,
  /** Messages about handles that the thread has taken from its port. */
  drained: 2,
} as const;

/** Words that each thread's counters take. */
export const READER_COUNTERS = 3;

/** Tells a thread about a handle: how to read it, or that it is closed. */
export interface HandleMessage {
  readonly handle: number;
  readonly view?: ThreadView;
}

/** A thread's message to the main thread: it is ready to read, or it met a request that it can't answer. */
export type ReaderMessage = 'ready' | Uint8Array<ArrayBuffer>;

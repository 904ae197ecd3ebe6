/**
 * What the loader asks of its threads, and their answers. Bytes and pixels never travel in messages: threads and loader share two
 * blocks of memory, one cut into windows (file bytes) and one into slots (pixels of a batch), and messages name their numbers.
 */
import type { ImageShape } from '../decode/image.ts';
import type { WebDatasetErrorCode } from '../errors.ts';
import type { ErrorRecord } from './error-record.ts';

/** The memory that all threads of a loader share. */
export interface SharedMemory {
  /** File bytes; the threads that scan fill it, those that decode read it. */
  readonly windows: SharedArrayBuffer;
  readonly windowBytes: number;
  /** Pixels; slot n starts at n x batch size x image bytes. */
  readonly slots: SharedArrayBuffer;
  readonly batchSize: number;
  readonly shape: ImageShape;
  /** One Int32: not 0 asks all threads to leave their work at the next image or read. */
  readonly stop: SharedArrayBuffer;
}

/** No window: the bytes are read from the file when they are needed. */
export const NO_WINDOW = -1;

/** Read the next window of a shard and find its samples. */
export interface ScanRequest {
  readonly kind: 'scan';
  /** Stands for one pass over one shard; the first request with a new number opens it, the answer that ends it closes it. */
  readonly cursor: number;
  readonly shard: string;
  /** Number of the window to fill, or {@link NO_WINDOW} to read through memory of the thread's own. */
  readonly window: number;
}

/** The samples that end in a window. A sample with a fault has a label and image of zeros. */
export interface ScanReply {
  readonly kind: 'scan';
  readonly keys: readonly string[];
  readonly labels: Int32Array;
  /** Per sample {@link IMAGE_WORDS} numbers: byte in the shard, length, byte in the window (or {@link NO_WINDOW}). */
  readonly images: Float64Array;
  /** Samples that break a rule, by their index. */
  readonly faults: readonly { readonly index: number; readonly error: ErrorRecord }[];
  /** Why the scan of this shard ended early; the samples are those before the fault. */
  readonly failure: ErrorRecord | undefined;
  /** True when nothing is left of the shard. */
  readonly ended: boolean;
}

/** Numbers a sample takes in {@link ScanReply.images}. */
export const IMAGE_WORDS = 3;

/** Give up a pass before its end. */
export interface CloseRequest {
  readonly kind: 'close';
  readonly cursor: number;
}

/** The pass is given up. */
export interface CloseReply {
  readonly kind: 'close';
}

/** Decode images into the places 0, 1, 2 … of a slot. */
export interface DecodeRequest {
  readonly kind: 'decode';
  readonly slot: number;
  /** Per image {@link SOURCE_WORDS} numbers: window (or {@link NO_WINDOW}), byte in the window, index into `shards`, byte in the shard, length. */
  readonly sources: Float64Array;
  readonly shards: readonly string[];
}

/** Numbers an image takes in {@link DecodeRequest.sources}. */
export const SOURCE_WORDS = 5;

/** The images that could not be read or decoded; all others are in the slot. */
export interface DecodeReply {
  readonly kind: 'decode';
  readonly failures: readonly ImageFailure[];
}

/** Why the image at place `index` of a request is missing. */
export interface ImageFailure {
  readonly index: number;
  readonly code: WebDatasetErrorCode;
  readonly reason: string;
}

/** Everything a thread is asked. */
export type WorkerRequest = ScanRequest | CloseRequest | DecodeRequest;

/** The reply to a request has its kind. */
export type WorkerReply = ScanReply | CloseReply | DecodeReply;

/** A message to a thread: `start` once and first, `stop` once and last; what is in between is answered under its id. */
export type WorkerMessage =
  | { readonly kind: 'start'; readonly memory: SharedMemory }
  | { readonly kind: 'request'; readonly id: number; readonly request: WorkerRequest }
  | { readonly kind: 'stop' };

/** A thread's answer: the reply, or why the job itself failed. */
export interface WorkerAnswer {
  readonly id: number;
  readonly result: WorkerReply | { readonly kind: 'error'; readonly error: ErrorRecord };
}

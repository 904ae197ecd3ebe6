/**
 * What the loader asks of its threads, and their answers. File bytes and tensors never travel in messages: threads and loader share
 * two blocks of memory, one cut into windows (file bytes) and one into slots (the tensors of a batch), and messages name their numbers.
 */
import type { DecoderTable } from '../decode/decoder.ts';
import type { WebDatasetErrorCode } from '../errors.ts';
import type { SlotRegion, WantedField } from '../loader/slot-layout.ts';
import type { ShardLocation } from '../source/shard-bytes.ts';
import type { ErrorRecord } from './error-record.ts';

/** What all threads of a loader share, and what they are to do. */
export interface WorkerSetup {
  /** File bytes; the threads that scan fill it, those that decode read it. */
  readonly windows: SharedArrayBuffer;
  readonly windowBytes: number;
  /** Tensors; slot n starts at n x `slotBytes`. */
  readonly slots: SharedArrayBuffer;
  readonly slotBytes: number;
  /** One Int32: not 0 asks all threads to leave their work at the next sample or read. */
  readonly stop: SharedArrayBuffer;
  readonly decoders: DecoderTable;
  readonly fields: readonly WantedField[];
  readonly regions: readonly SlotRegion[];
  readonly valueFields: readonly number[];
  /** Seed of what decoders leave to chance. */
  readonly seed: number;
  /** Address of the module with the rule of names; undefined is the standard one. */
  readonly splitName: string | undefined;
}

/** No window: the bytes are read from the shard when they are needed. */
export const NO_WINDOW = -1;

/** The offset of an optional field that a sample lacks, and of a place that is not known. */
export const NONE = -1;

/** Which part of a shard a pass covers. */
export interface ScanRange {
  readonly location: ShardLocation;
  /** Byte where the pass starts: the first header of a sample, or 0. */
  readonly offset: number;
  /** Number, in the shard, of the sample that starts there. */
  readonly sample: number;
  /** The offset was not found by a scan, which would have met a global PAX header at the beginning: there must be none. */
  readonly isGuess: boolean;
  /** The first sample that is wanted. */
  readonly first: number;
  /** The sample before which the pass ends; Infinity: the end of the shard. */
  readonly end: number;
}

/** Read the next window of a shard and find its samples. */
export interface ScanRequest {
  readonly kind: 'scan';
  /** Stands for one use of one shard. */
  readonly cursor: number;
  /** In the first request of a pass, which opens the shard. */
  readonly range: ScanRange | undefined;
  /** Number of the window to fill, or {@link NO_WINDOW} to read through memory of the thread's own. */
  readonly window: number;
}

/** The samples that end in a window. A sample with a fault has members of zeros. */
export interface ScanReply {
  readonly kind: 'scan';
  readonly keys: readonly string[];
  /** Number of the first of these samples in the shard. */
  readonly first: number;
  /**
   * Per sample {@link MEMBER_WORDS} numbers a field: byte in the shard, length, byte in the window (or {@link NO_WINDOW}); and then the
   * byte of the shard where a pass over the samples behind it may start, {@link NONE} where only one from the shard's start can.
   */
  readonly members: Float64Array<ArrayBuffer>;
  /** Samples that break a rule, by their index. */
  readonly faults: readonly { readonly index: number; readonly error: ErrorRecord }[];
  /** Why the scan of this shard ended early; the samples are those before the fault. */
  readonly failure: ErrorRecord | undefined;
  /** True when nothing is left of the pass. */
  readonly ended: boolean;
  /** Set where the shard stays open, to be read by all threads, until the cursor is closed. */
  readonly spooled: ShardLocation | undefined;
  /** Bytes that were read. */
  readonly bytes: number;
  readonly busyMs: number;
}

/** Numbers a field takes in {@link ScanReply.members}. */
export const MEMBER_WORDS = 3;

/** Open a shard, so that the decoding threads can read it. */
export interface OpenRequest {
  readonly kind: 'open';
  readonly cursor: number;
  readonly location: ShardLocation;
}

/** How other threads read it until the cursor is closed. */
export interface OpenReply {
  readonly kind: 'open';
  readonly location: ShardLocation;
}

/** Give up a use of a shard; what is under way for it ends early. */
export interface CloseRequest {
  readonly kind: 'close';
  readonly cursor: number;
}

/** The use is given up. */
export interface CloseReply {
  readonly kind: 'close';
}

/** Decode samples into the places 0, 1, 2 … of a slot. */
export interface DecodeRequest {
  readonly kind: 'decode';
  readonly slot: number;
  readonly epoch: number;
  readonly keys: readonly string[];
  /** Per sample the index into `shards`, and then {@link SOURCE_WORDS} numbers a field: window (or {@link NO_WINDOW}), byte in it (or in the shard), length ({@link NONE}: missing). */
  readonly sources: Float64Array<ArrayBuffer>;
  readonly shards: readonly ShardLocation[];
}

/** Numbers a field takes in {@link DecodeRequest.sources}. */
export const SOURCE_WORDS = 3;

/** All samples but the failed ones are in the slot. */
export interface DecodeReply {
  readonly kind: 'decode';
  readonly failures: readonly SampleFailure[];
  /** The values by value field, then by place. */
  readonly values: unknown[][];
  /** Length of all fields as they are stored. */
  readonly bytes: number;
  readonly busyMs: number;
}

/** Why the sample at place `index` of a request is missing. */
export interface SampleFailure {
  readonly index: number;
  /** Number of the field that could not be read or decoded. */
  readonly field: number;
  readonly code: WebDatasetErrorCode;
  readonly reason: string;
}

/** Everything a thread is asked. */
export type WorkerRequest = ScanRequest | OpenRequest | CloseRequest | DecodeRequest;

/** The reply to a request has its kind. */
export type WorkerReply = ScanReply | OpenReply | CloseReply | DecodeReply;

/** A message to a thread: `start` once and first, `stop` once and last; what is in between is answered under its id. */
export type WorkerMessage =
  | { readonly kind: 'start'; readonly setup: WorkerSetup }
  | { readonly kind: 'request'; readonly id: number; readonly request: WorkerRequest }
  | { readonly kind: 'stop' };

/** A thread's answer: the reply, or why the job itself failed. */
export interface WorkerAnswer {
  readonly id: number;
  readonly result: WorkerReply | { readonly kind: 'error'; readonly error: ErrorRecord };
}

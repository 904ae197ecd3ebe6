import type { WorkMessage } from '../manifest/work-message.ts';
import type { ReadPosition } from './read-task.ts';

/** What has been read through an address. */
export type Amount = WorkMessage['read'][number];

/** A file that is being read, as far as it matters to the amounts. */
export interface FileUnderWay {
  /** Index of the address through which it is read. */
  readonly address: number;
  /** Bytes of it that were read before, through the same address. */
  readonly before: number;
  /** Bytes to be read of it in all. */
  readonly length: number;
  /** 1, or 0 for a range that is not the file's first. */
  readonly files: 0 | 1;
}

// A work message is the whole state of an item, so each of these makes the next message from one.

/** Indices of the item's files that are still to be read, in order. @param count of its files. */
export function remainingFiles({ todo, done }: WorkMessage, count: number): number[] {
  if (todo !== undefined) return todo.slice(done);
  return Array.from({ length: Math.max(0, count - done) }, (_, index) => done + index);
}

/** After files have been read up to a position; `files` are the next ones of the message. */
export function advance({ through: _, ...message }: WorkMessage, files: readonly FileUnderWay[], at: ReadPosition): WorkMessage {
  const read = message.read.map((amount) => ({ ...amount }));
  for (const file of files.slice(0, at.file)) add(read, file.address, { files: file.files, bytes: file.length - file.before });
  const underWay = files[at.file];
  const offset = underWay === undefined ? 0 : underWay.before + at.offset;
  if (underWay === undefined || offset === 0) return { ...message, done: message.done + at.file, offset: 0, read };
  add(read, underWay.address, { files: 0, bytes: at.offset });
  return { ...message, done: message.done + at.file, offset, through: underWay.address, read };
}

/** The next file begins anew; what was read of it does not count. */
export function dropPartial({ through, offset, ...message }: WorkMessage): WorkMessage {
  const read = message.read.map((amount, address) => (address === through ? { ...amount, bytes: amount.bytes - offset } : amount));
  return { ...message, offset: 0, read };
}

/** The next file could not be read through any address. */
export function skipFailed(message: WorkMessage, count: number): WorkMessage {
  const dropped = dropPartial(message);
  return { ...dropped, done: dropped.done + 1, failed: [...dropped.failed, ...remainingFiles(message, count).slice(0, 1)] };
}

/**
 * After an attempt that failed: what is left is what could not be read in it.
 *
 * @param count of the item's files; undefined when they are not known. Then nothing was read either, and what was left is left.
 */
export function nextAttempt(message: WorkMessage, count: number | undefined): WorkMessage {
  const failures = message.failures + 1;
  if (count === undefined) return { ...message, failures };
  const { failed, ...dropped } = dropPartial(message);
  return { ...dropped, failures, todo: [...failed, ...remainingFiles(message, count)], done: 0, failed: [] };
}

/** All that has been read. */
export function totalOf(amounts: readonly Amount[]): Amount {
  return amounts.reduce((total, { files, bytes }) => ({ files: total.files + files, bytes: total.bytes + bytes }), { files: 0, bytes: 0 });
}

function add(read: Amount[], address: number, { files, bytes }: Amount): void {
  while (read.length <= address) read.push({ files: 0, bytes: 0 });
  const amount = read[address];
  if (amount !== undefined) read[address] = { files: amount.files + files, bytes: amount.bytes + bytes };
}

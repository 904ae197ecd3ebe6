import { z } from 'zod';

const count = z.int().nonnegative();

const workMessageSchema = z.strictObject({
  v: z.literal(1),
  job: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  /** Of the walk that made the page. */
  walk: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  /** Number of the page, and its version. */
  page: count,
  etag: z.string().min(1),
  /** Number of the item in the job. */
  item: count,
  /** Attempts of the item that have failed. */
  failures: count,
  /** What is still to be read of the item: indices of its files; absent: all. */
  todo: z.array(count).optional(),
  /** How many of those have been read, and how far the next one: bytes from its start, or from the start of the range. */
  done: count,
  offset: count,
  /** Index of the address through which those bytes were read; there while `offset` is not 0. */
  through: count.optional(),
  /** Of those read in this attempt, the indices that could not be read through any address. */
  failed: z.array(count),
  /** By index of the address: what has been read in all attempts. Of the next file, the bytes before `offset` are counted already. */
  read: z.array(z.object({ files: count, bytes: count })),
});

/**
 * A message of the work queue: an item of a job's manifest, and how far it has come. The item itself stays in the manifest, so the message
 * is small however long the names are.
 */
export type WorkMessage = z.infer<typeof workMessageSchema>;

/** Reads a message. @returns what is wrong with it as text when it is none. */
export function parseWorkMessage(text: string): WorkMessage | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `it is not JSON (${String(error)})`;
  }
  const parsed = workMessageSchema.safeParse(value);
  return parsed.success ? parsed.data : z.prettifyError(parsed.error);
}

/** The text of a message. */
export function formatWorkMessage(message: WorkMessage): string {
  return JSON.stringify(message);
}

import { z } from 'zod';

const count = z.int().nonnegative();

const itemResultSchema = z.object({
  /** Files read whole; of a range, 1 when it is the file's first and 0 otherwise, so that sums over items count files once. */
  files: count,
  bytes: count,
  /** From taking the item to its end, over all attempts that this worker knows of. */
  seconds: z.number().nonnegative(),
  worker: z.string(),
  /** By the index of the address in the job. */
  addresses: z.array(z.object({ files: count, bytes: count })),
  /** What could not be read. */
  failed: z.array(
    z.object({ path: z.string(), reason: z.string(), range: z.object({ start: count, end: count }).readonly().optional() }).readonly(),
  ),
});

/** What became of an item: the content of its record. */
export type ItemResult = z.infer<typeof itemResultSchema>;

/** Reads the content of a record. Throws where it is none. */
export function parseItemResult(body: Buffer): ItemResult {
  return itemResultSchema.parse(JSON.parse(body.toString('utf8')));
}

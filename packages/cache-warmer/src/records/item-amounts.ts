import { z } from 'zod';
import type { ItemResult } from './item-result.ts';

/** What was read of an item, and how much could not be: what a listing of its record tells. */
export interface ItemAmounts {
  readonly files: number;
  readonly bytes: number;
  /** How many failures its record has. */
  readonly failed: number;
  /** By index of the address; those through which nothing was read are absent. */
  readonly addresses: readonly { readonly index: number; readonly files: number; readonly bytes: number }[];
}

/** All metadata of a blob may have 8 KiB; this leaves room for the rest. */
const LONGEST_ADDRESSES = 6 * 1024;

const digits = z.string().regex(/^\d+$/).transform(Number);
const count = z.int().nonnegative();

const metadataSchema = z.object({
  files: digits,
  bytes: digits,
  failed: digits,
  addresses: z
    .string()
    .transform(parseJson)
    .pipe(z.array(z.tuple([count, count, count]))),
});

/** The amounts of a result. */
export function amountsOf({ files, bytes, failed, addresses }: ItemResult): ItemAmounts {
  const read = addresses.map((address, index) => ({ index, ...address })).filter((address) => address.files > 0 || address.bytes > 0);
  return { files, bytes, failed: failed.length, addresses: read };
}

/** The amounts as the metadata of a record. Of hundreds of addresses it has none; they are in the record's body only. */
export function formatAmounts({ files, bytes, failed, addresses }: ItemAmounts): Record<string, string> {
  const list = JSON.stringify(addresses.map((address) => [address.index, address.files, address.bytes]));
  const totals = { files: String(files), bytes: String(bytes), failed: String(failed) };
  return list.length > LONGEST_ADDRESSES ? totals : { ...totals, addresses: list };
}

/** Reads the metadata of a record. @returns undefined when it does not tell all amounts. */
export function parseAmounts(metadata: Readonly<Record<string, string>>): ItemAmounts | undefined {
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) return undefined;
  const { addresses, ...totals } = parsed.data;
  return { ...totals, addresses: addresses.map(([index, files, bytes]) => ({ index, files, bytes })) };
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('no JSON');
    return z.NEVER;
  }
}

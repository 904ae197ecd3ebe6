import { WebDatasetError, type WebDatasetErrorDetails } from '../errors.ts';

/** Longest text that is looked at: an int32 with sign and generous white space. */
export const MAX_LABEL_BYTES = 64;

/**
 * Reads a class label: an integer in ASCII, white space around it allowed (as Python's `int()` does).
 *
 * @param where named in the error
 * @throws {@link WebDatasetError} `WDS_LABEL` when it is not an integer of 32 bits
 */
export function decodeLabel(bytes: Buffer, where: WebDatasetErrorDetails): number {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_LABEL_BYTES + 1));
  const label = Number(text);
  if (text.length <= MAX_LABEL_BYTES && /^\s*[+-]?\d+\s*$/.test(text) && (label | 0) === label) return label;
  throw new WebDatasetError('WDS_LABEL', `the label ${JSON.stringify(text.slice(0, 40))} is not an integer`, where);
}

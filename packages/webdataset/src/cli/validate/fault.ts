import type { WebDatasetError, WebDatasetErrorCode } from '../../errors.ts';
import { word } from '../format.ts';

/**
 * What `webdataset validate` finds beside the faults that stop a reader:
 *
 * - `WDS_DUPLICATE_KEY`: a key comes twice, in one shard or in two.
 * - `WDS_EMPTY_SHARD`: a shard without a sample.
 * - `WDS_DOTTED_NAME`: a file name whose base has a dot, which ends the key there (a warning).
 */
export type FaultCode = WebDatasetErrorCode | 'WDS_DUPLICATE_KEY' | 'WDS_EMPTY_SHARD' | 'WDS_DOTTED_NAME';

/** Something wrong, as `--json` prints it. */
export interface Fault {
  readonly code: FaultCode;
  /** Warnings do not make the command fail. */
  readonly severity: 'error' | 'warning';
  readonly shard: string;
  /** Byte in the uncompressed shard; null when it is about no place in it. */
  readonly offset: number | null;
  /** Key of the sample; null when it is about none. */
  readonly key: string | null;
  /** One line that says what is wrong and what to do. */
  readonly message: string;
}

/** What a reader threw, as a fault of `shard`. */
export function faultOf(error: WebDatasetError, shard: string): Fault {
  return {
    code: error.code,
    severity: 'error',
    shard,
    offset: error.offset ?? null,
    key: error.key ?? null,
    message: oneLine(error.reason),
  };
}

/** `CODE SHARD OFFSET KEY: MESSAGE`, with `-` for what there is none of. */
export function formatFault({ code, shard, offset, key, message }: Fault): string {
  return `${code} ${word(shard)} ${offset ?? '-'} ${key === null ? '-' : wordOfKey(key)}: ${message}`;
}

function wordOfKey(key: string): string {
  return key === '-' ? '"-"' : word(key);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ');
}

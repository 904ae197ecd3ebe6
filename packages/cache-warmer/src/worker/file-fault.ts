import type { ReadFault } from './read-task.ts';

/** Why a file could not be read. */
export interface FileFault {
  /** A sentence. */
  readonly reason: string;
  /** Whether trying again later is pointless. */
  readonly isPermanent: boolean;
}

/** Of a file itself, whatever address it is read through. */
const OF_THE_FILE = new Set(['CHANGED', 'EISDIR']);
/** Of a file, when all addresses say so. */
const PERMANENT = new Set([...OF_THE_FILE, 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/** Whether another address would say the same. */
export function isOfTheFile({ code }: ReadFault): boolean {
  return OF_THE_FILE.has(code);
}

/**
 * What became of a file that no address could read.
 *
 * @param faults by the name of the address. An address that could not be mounted has one of another code than a file can have.
 */
export function faultOf(faults: ReadonlyMap<string, ReadFault>): FileFault {
  const all = [...faults.values()];
  const last = all.at(-1);
  const ofTheFile = all.find(isOfTheFile);
  if (ofTheFile !== undefined) return { reason: ofTheFile.reason, isPermanent: true };
  const isSame = new Set(all.map(({ reason }) => reason)).size === 1;
  const reason =
    isSame && last !== undefined ? last.reason : [...faults].map(([address, { reason }]) => `through ${address}: ${reason}`).join('; ');
  return { reason, isPermanent: all.length > 0 && all.every(({ code }) => PERMANENT.has(code)) };
}

import { createHash } from 'node:crypto';

/** With the prefix and the letter 21 of the 24 characters that a name may have; 65 bits, so that nobody else has it. */
const SUFFIX_LENGTH = 13;

/**
 * A name for a storage account: valid (3 to 24 lower-case letters and digits), the same for the same arguments in every run, and
 * different from anybody else's, because all storage accounts of Azure share one name space.
 */
export function storageAccountName(
  letter: 'a' | 'b' | 'c',
  subscriptionId: string | undefined,
  resourceGroup: string,
  location: string,
): string {
  // Azure compares subscription ids and group names without regard to case.
  const owner = [subscriptionId ?? '', resourceGroup, location].join('\n').toLowerCase();
  const digest = createHash('sha256').update(`${owner}\n${letter}`).digest();
  return `wdforge${letter}${BigInt(`0x${digest.toString('hex')}`)
    .toString(36)
    .slice(0, SUFFIX_LENGTH)}`;
}

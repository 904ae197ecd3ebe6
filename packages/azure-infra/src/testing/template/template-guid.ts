import { createHash } from 'node:crypto';

/** The name space of the template function `guid()`: https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions-string#guid. */
const NAMESPACE = Buffer.from('11fb06fb712d4ddd98c7e71bbd588830', 'hex');

/** A name-based identifier (RFC 9562 version 5) of the parts, joined by dashes. */
export function templateGuid(parts: readonly string[]): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(parts.join('-')).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Thirteen letters and digits that depend on all parts. The algorithm behind `uniqueString()` isn't published: this is stable like the
 * real one, but gives other values.
 */
export function templateUniqueString(parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('-')).digest();
  return [...digest.subarray(0, 13)].map((byte) => ALPHABET[byte % ALPHABET.length] ?? '').join('');
}

import { createHash } from 'node:crypto';

/** Name space of the template function `guid`, as its documentation and Bicep's give it. */
const ARM_NAMESPACE = Buffer.from('11fb06fb712d4ddd98c7e71bbd588830', 'hex');

/**
 * The template function `guid`: a version 5 UUID (RFC 9562, section 5.5) of the parts joined by `-`, so that names made here, in a
 * template and in Bicep are the same.
 */
export function armGuid(...parts: readonly string[]): string {
  const digest = createHash('sha1').update(ARM_NAMESPACE).update(parts.join('-')).digest().subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

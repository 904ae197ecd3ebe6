import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** One field of a key: its bytes after their length (RFC 4251, section 5). */
export function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A line of a `.pub` file. */
export function publicKeyLine(type: string, fields: readonly Uint8Array[], comment = 'ada@example.com'): string {
  return `${type} ${Buffer.concat([Buffer.from(type), ...fields].map(field)).toString('base64')} ${comment}`;
}

export function rsaKeyLine(bits: number): string {
  const jwk = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
  // A number whose first bit is set has a zero before it.
  return publicKeyLine('ssh-rsa', [
    Buffer.from(jwk.e ?? '', 'base64url'),
    Buffer.concat([Buffer.of(0), Buffer.from(jwk.n ?? '', 'base64url')]),
  ]);
}

export function ed25519(): { readonly line: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { line: publicKeyLine('ssh-ed25519', [Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')]), privateKey };
}

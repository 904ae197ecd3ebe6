import { InfraError } from '../errors.ts';

/** A public key of SSH that Azure takes for Linux VMs. */
export interface SshPublicKey {
  readonly type: 'ssh-rsa' | 'ssh-ed25519';
  /** Of an RSA key its modulus; 256 for Ed25519. */
  readonly bits: number;
  /** Type, key and comment on one line, without a line break. */
  readonly line: string;
}

/** Azure refuses shorter ones: https://learn.microsoft.com/azure/virtual-machines/linux/mac-create-ssh-keys#supported-ssh-key-formats */
const MIN_RSA_BITS = 2048;
const ED25519_BYTES = 32;

/** Makes a key that Azure takes. */
export const KEYGEN = 'ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519';

/**
 * Reads the content of a `.pub` file: one key in OpenSSH's format (RFC 4253, section 6.6; RFC 8709, section 4), beside blank lines and
 * lines that begin with `#`. What is wrong with it is told without repeating any of it, since it may be a private key.
 *
 * @throws {InfraError} `INFRA_SSH_KEY_INVALID`; its first line says what is wrong, the second what to do.
 */
export function parseSshPublicKey(text: string): SshPublicKey {
  if (/PRIVATE KEY|^PuTTY-User-Key-File/m.test(text)) {
    throw invalid('is a private key, which must never leave your machine', 'give the file beside it that ends in .pub');
  }
  if (text.includes('---- BEGIN SSH2 PUBLIC KEY')) {
    throw invalid('has a public key in the format of RFC 4716', 'convert it with "ssh-keygen -i -f <file>"');
  }
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [line] = lines;
  if (line === undefined) throw invalid('is empty');
  if (lines.length > 1) throw invalid('has more than one line', 'give a file with one public key');
  const [type = '', base64 = '', ...comment] = line.split(/\s+/);
  if (type !== 'ssh-rsa' && type !== 'ssh-ed25519') {
    // The name of a key type is no secret; anything else might be.
    const known = /^(ssh|ecdsa|sk-ssh|sk-ecdsa|rsa)-[a-z0-9-]+(@openssh\.com)?$/.test(type);
    throw invalid(known ? `has a key of type ${type}, and Azure takes ssh-ed25519 and ssh-rsa` : 'has no public SSH key');
  }
  const bits = /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? keyBits(type, Buffer.from(base64, 'base64')) : undefined;
  if (bits === undefined) throw invalid(`has a damaged ${type} key`);
  if (type === 'ssh-rsa' && bits < MIN_RSA_BITS) {
    throw invalid(`has an RSA key of ${bits} bits, and Azure takes ${MIN_RSA_BITS} and more`);
  }
  return { type, bits, line: [type, base64, ...comment].join(' ') };
}

function invalid(reason: string, suggestion = `make a key with "${KEYGEN}"`): InfraError {
  return new InfraError('INFRA_SSH_KEY_INVALID', `the file of the public SSH key ${reason}\n${suggestion}`);
}

/** Undefined when the bytes are not exactly one key of the type. */
function keyBits(type: SshPublicKey['type'], blob: Buffer): number | undefined {
  const fields = readStrings(blob);
  if (fields?.[0]?.toString('latin1') !== type) return undefined;
  const [, first, second] = fields;
  if (type === 'ssh-ed25519') return fields.length === 2 && first?.length === ED25519_BYTES ? ED25519_BYTES * 8 : undefined;
  // Exponent and modulus, both positive.
  if (fields.length !== 3 || first === undefined || second === undefined || !isPositive(first) || !isPositive(second)) return undefined;
  return BigInt(`0x${second.toString('hex')}`).toString(2).length;
}

/** RFC 4251, section 5: a number is negative when its first bit is set. */
function isPositive(mpint: Buffer): boolean {
  return mpint.some((byte) => byte !== 0) && (mpint[0] ?? 0) < 0x80;
}

/** All strings of a sequence (RFC 4251, section 5), each after its length in four bytes; undefined when they do not fill it exactly. */
function readStrings(blob: Buffer): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let position = 0;
  while (position < blob.length) {
    if (position + 4 > blob.length) return undefined;
    const end = position + 4 + blob.readUInt32BE(position);
    if (end > blob.length) return undefined;
    strings.push(blob.subarray(position + 4, end));
    position = end;
  }
  return strings;
}

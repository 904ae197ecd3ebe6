import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InfraError } from '../../src/errors.ts';
import { readSshPublicKey } from '../../src/preflight/read-ssh-public-key.ts';
import { parseSshPublicKey } from '../../src/preflight/ssh-public-key.ts';
import { ed25519, publicKeyLine, rsaKeyLine } from './ssh-keys.ts';

const { line: ED25519, privateKey } = ed25519();
const RSA = rsaKeyLine(2048);

describe('parseSshPublicKey', () => {
  it('reads the two types that Azure takes', () => {
    expect(parseSshPublicKey(`${ED25519}\n`)).toEqual({ type: 'ssh-ed25519', bits: 256, line: ED25519 });
    expect(parseSshPublicKey(`# mine\r\n\r\n  ${RSA}\r\n`)).toEqual({ type: 'ssh-rsa', bits: 2048, line: RSA });
    expect(parseSshPublicKey(ED25519.split(' ').slice(0, 2).join(' ')).bits).toBe(256);
    expect(parseSshPublicKey(`${ED25519}\ton two  laptops`).line).toBe(`${ED25519} on two laptops`);
  });

  const [, base64 = ''] = ED25519.split(' ');
  it.each([
    ['an RSA key that is too short', rsaKeyLine(1024), 'RSA key of 1024 bits, and Azure takes 2048 and more'],
    ['another type', publicKeyLine('ecdsa-sha2-nistp256', [Buffer.from('nistp256'), Buffer.alloc(65)]), 'type ecdsa-sha2-nistp256'],
    ['a hardware key', publicKeyLine('sk-ssh-ed25519@openssh.com', [Buffer.alloc(32)]), 'type sk-ssh-ed25519@openssh.com'],
    ['options as in authorized_keys', `no-pty ${ED25519}`, 'no public SSH key'],
    ['text', 'hunter2', 'no public SSH key'],
    ['nothing', '\n# only this\n', 'is empty'],
    ['two keys', `${ED25519}\n${RSA}`, 'more than one line'],
    ['a key without its base64', 'ssh-ed25519', 'damaged'],
    ['base64 with other characters', `ssh-ed25519 ${base64.slice(0, -4)}!!!!`, 'damaged'],
    ['a truncated key', `ssh-ed25519 ${base64.slice(0, 40)}`, 'damaged'],
    ['a key with something behind it', publicKeyLine('ssh-ed25519', [Buffer.alloc(32), Buffer.alloc(1)]), 'damaged'],
    ['a key that is too long', publicKeyLine('ssh-ed25519', [Buffer.alloc(33)]), 'damaged'],
    ['one type outside and another inside', `ssh-rsa ${base64}`, 'damaged'],
    ['a negative modulus', publicKeyLine('ssh-rsa', [Buffer.of(1, 0, 1), Buffer.alloc(256, 0xff)]), 'damaged'],
    ['a modulus of zero', publicKeyLine('ssh-rsa', [Buffer.of(1, 0, 1), Buffer.alloc(256)]), 'damaged'],
    ['RFC 4716', '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----', 'RFC 4716'],
  ])('refuses %s', (_name, text, message) => {
    expect(() => parseSshPublicKey(text)).toThrow(message);
    expect(() => parseSshPublicKey(text)).toThrow(InfraError);
  });

  it.each([
    ['PEM', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n'],
    ['PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nc2VjcmV0\n'],
  ])('refuses a private key and repeats none of it: %s', (_name, text) => {
    expect(() => parseSshPublicKey(text)).toThrow('is a private key');
    try {
      parseSshPublicKey(text);
    } catch (error) {
      for (const line of text.split('\n').filter((part) => part.length > 3)) expect(String(error)).not.toContain(line);
    }
  });

  it('refuses whatever else there is, and repeats none of it', () => {
    const secret = 'correct-horse-battery-staple';
    const near = fc.tuple(fc.constantFrom('ssh-rsa', 'ssh-ed25519', secret), fc.base64String()).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        try {
          parseSshPublicKey(text);
        } catch (error) {
          expect(error).toBeInstanceOf(InfraError);
          expect(error).toHaveProperty('code', 'INFRA_SSH_KEY_INVALID');
          expect(String(error)).not.toContain(secret);
        }
      }),
    );
  });

  it('notices any flipped bit in the frame of a key', () => {
    const [type = '', text = ''] = ED25519.split(' ');
    const frame = Buffer.from(text, 'base64').length - 32;
    fc.assert(
      fc.property(fc.nat(frame * 8 - 1), (bit) => {
        const blob = Buffer.from(text, 'base64');
        blob[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => parseSshPublicKey(`${type} ${blob.toString('base64')}`)).toThrow('damaged');
      }),
    );
  });
});

describe('readSshPublicKey', () => {
  const home = mkdtempSync(join(tmpdir(), 'warpforge-ssh-'));
  const folder = join(home, '.ssh');
  const find = (file?: string) => readSshPublicKey({ file, home, readFile: (path) => readFile(path, 'utf8') });
  const keygen = (...options: string[]) => execFileSync('ssh-keygen', ['-q', '-N', '', ...options]);

  beforeAll(() => {
    execFileSync('mkdir', ['-p', folder]);
  });
  afterAll(() => rmSync(home, { recursive: true }));

  it('says how to make a key when there is none', async () => {
    await expect(find()).rejects.toMatchObject({
      code: 'INFRA_SSH_KEY_MISSING',
      message: `there is no public SSH key: ${folder}/id_ed25519.pub and ${folder}/id_rsa.pub do not exist\nmake one with "ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519", or give its file with SSH_PUBLIC_KEY`,
    });
    await expect(find('/nowhere/key.pub')).rejects.toThrow('/nowhere/key.pub does not exist');
  });

  it('finds what ssh-keygen makes, Ed25519 before RSA, or the file that was given', async () => {
    keygen('-t', 'rsa', '-b', '2048', '-C', 'old laptop', '-f', join(folder, 'id_rsa'));
    const rsa = readFileSync(join(folder, 'id_rsa.pub'), 'utf8').trim();
    expect(await find()).toBe(rsa);
    keygen('-t', 'ed25519', '-C', 'new laptop', '-f', join(folder, 'id_ed25519'));
    expect(await find()).toBe(readFileSync(join(folder, 'id_ed25519.pub'), 'utf8').trim());
    expect(await find('~/.ssh/id_rsa.pub')).toBe(rsa);
  });

  it('names the file that is wrong, and does not go on to another', async () => {
    keygen('-t', 'ecdsa', '-f', join(folder, 'id_ecdsa'));
    await expect(find(join(folder, 'id_ecdsa.pub'))).rejects.toThrow(
      `${folder}/id_ecdsa.pub: the file of the public SSH key has a key of type ecdsa`,
    );
    await expect(find(join(folder, 'id_ed25519'))).rejects.toMatchObject({
      code: 'INFRA_SSH_KEY_INVALID',
      message: expect.stringContaining('is a private key, which must never leave your machine') as string,
    });
  });

  it('says why a file cannot be read', async () => {
    await expect(find(folder)).rejects.toMatchObject({
      code: 'INFRA_SSH_KEY_INVALID',
      message: expect.stringContaining('EISDIR') as string,
    });
  });
});

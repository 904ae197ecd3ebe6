import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import tarStream from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { readTar } from '../src/tar/reader.ts';
import { encodeMemberHeader, type TarFile, TarWriter } from '../src/tar/writer.ts';
import { collect, python, temporaryFolder } from './support.ts';
import { pythonListings } from './tar-oracles.ts';

async function pack(files: readonly TarFile[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const writer = new TarWriter((bytes) => void pieces.push(bytes));
  for (const file of files) await writer.add(file);
  await writer.close();
  return Buffer.concat(pieces);
}

const part = fc.oneof(
  fc.stringMatching(/^[a-z0-9_]{1,100}$/),
  fc.string({ unit: fc.constantFrom('ä', '漢', '🦊', 'x'), minLength: 1, maxLength: 60 }),
);
const file: fc.Arbitrary<TarFile> = fc.record(
  {
    name: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `${parts.join('/')}.bin`),
    data: fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ minLength: 500, maxLength: 1030 })),
    mtime: fc.integer({ min: -1000, max: 2 ** 35 }),
  },
  { requiredKeys: ['name', 'data'] },
);

describe('TarWriter', () => {
  it("writes what Python's tarfile, tar-stream and our reader read back", async () => {
    await using folder = await temporaryFolder();
    const archives = fc.sample(fc.array(file, { maxLength: 6 }), { numRuns: 200, seed: 8 });
    const paths = archives.map((_, index) => join(folder.path, `${index}.tar`));
    for (const [index, files] of archives.entries()) await writeFile(paths[index]!, await pack(files));
    const theirs = pythonListings(paths);
    for (const [index, files] of archives.entries()) {
      const written = files.map(({ name, data, mtime = 0 }) => ({ name, data: Buffer.from(data).toString('hex'), mtime }));
      expect(theirs[index]!.map(({ name, data, mtime }) => ({ name, data, mtime }))).toEqual(written);

      const ours = await collect(readTar(paths[index]!));
      expect(ours.map(({ member, data }) => ({ name: member.name, data: data.toString('hex'), mtime: member.mtime }))).toEqual(written);

      const names: string[] = [];
      const extract = tarStream.extract();
      extract.on('entry', (header, stream, next) => {
        names.push(header.name);
        stream.on('end', next).resume();
      });
      await pipeline(Readable.from([await readFile(paths[index]!)]), extract);
      expect(names).toEqual(files.map(({ name }) => name));
    }
  });

  it('writes what GNU tar unpacks, without a warning', async () => {
    await using folder = await temporaryFolder();
    const files = fc
      .sample(file, { numRuns: 40, seed: 9 })
      .filter(({ name }) => name.split('/').every((piece) => Buffer.byteLength(piece) < 255))
      .map((entry, index) => ({ ...entry, name: `${index}/${entry.name}`, mtime: 1_700_000_000 + index }));
    const archive = join(folder.path, 'x.tar');
    await writeFile(archive, await pack(files));
    const out = join(folder.path, 'out');
    await mkdir(out);
    const warnings = execFileSync('sh', ['-c', 'tar -xf "$0" -C "$1" 2>&1', archive, out]).toString();
    expect(warnings).toBe('');
    for (const { name, data, mtime } of files) {
      expect((await readFile(join(out, name))).equals(data)).toBe(true);
      expect((await stat(join(out, name))).mtimeMs).toBe(mtime * 1000);
      expect(dirname(name)).not.toBe('.');
    }
  });

  it('adds no PAX header where ustar can hold the member', async () => {
    const archive = await pack([
      { name: 'a'.repeat(100), data: Buffer.from('x'), mtime: 1_700_000_000 },
      { name: `${'d'.repeat(155)}/${'n'.repeat(100)}`, data: Buffer.from('y') },
    ]);
    expect(archive.length).toBe(2 * 1024 + 1024);
  });

  it('gives the same bytes for the same files', async () => {
    const files = fc.sample(file, { numRuns: 20, seed: 1 });
    expect((await pack(files)).equals(await pack(files))).toBe(true);
  });

  it('writes headers for files beyond 8 GiB that Python reads', () => {
    const size = 9 * 2 ** 30;
    const headers = Buffer.concat(encodeMemberHeader({ name: 'huge.bin', size, mode: 0o444, mtime: 0 }));
    const program = `import io, json, sys, tarfile
tar = tarfile.open(fileobj=io.BytesIO(bytes.fromhex(json.load(sys.stdin))))
print(json.dumps(tar.firstmember.size))`;
    expect(python(program, headers.toString('hex'))).toBe(size);
  });

  it('refuses names and times that no archive can hold', async () => {
    await expect(pack([{ name: '', data: Buffer.alloc(0) }])).rejects.toThrow(RangeError);
    await expect(pack([{ name: 'a\0b', data: Buffer.alloc(0) }])).rejects.toThrow(RangeError);
    await expect(pack([{ name: 'a', data: Buffer.alloc(0), mtime: 1.5 }])).rejects.toThrow('whole seconds');
  });
});

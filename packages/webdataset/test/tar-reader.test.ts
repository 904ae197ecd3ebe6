import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, link, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import tarStream from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { readTar, scanTar } from '../src/tar/reader.ts';
import { MIN_WINDOW_BYTES, type ScannedMember, TarScanner } from '../src/tar/scanner.ts';
import { collect, temporaryFolder } from './support.ts';
import { type FileToPack, type ListedMember, pythonListings, pythonPack } from './tar-oracles.ts';

/** What our reader sees, in the oracles' terms. */
async function ourListing(archive: string | Uint8Array): Promise<ListedMember[]> {
  const entries = await collect(readTar(archive));
  return entries.map(({ member: { name, type, size, mtime, linkName }, data }) => ({
    name,
    type,
    size,
    mtime,
    linkName,
    data: data.toString('hex'),
  }));
}

const part = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9_ .=-]{1,30}$/),
  fc.stringMatching(/^[a-z]{90,140}$/),
  fc.string({ unit: fc.constantFrom('ä', 'é', '漢', '字', '🦊', 'x', '.', ' '), minLength: 1, maxLength: 40 }),
);
const name = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((text) => !text.split('/').some((piece) => piece === '.' || piece === '..') && Buffer.byteLength(text) < 900);
const file: fc.Arbitrary<FileToPack> = fc.record({
  name,
  data: fc
    .oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 480, maxLength: 1100 }))
    .map((bytes) => Buffer.from(bytes).toString('hex')),
  mtime: fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.double({ min: 0, max: 2e9, noNaN: true })),
});

describe('readTar reads what others wrote', () => {
  it("agrees with Python's tarfile on ustar, GNU and PAX archives", async () => {
    await using folder = await temporaryFolder();
    const archives = fc
      .sample(fc.record({ format: fc.constantFrom(0, 1, 2), files: fc.array(file, { maxLength: 8 }) }), { numRuns: 300, seed: 3 })
      .map(({ format, files }, index) => ({
        path: join(folder.path, `${index}.tar`),
        format,
        files: format === 2 ? files : files.map((entry) => ({ ...entry, mtime: Math.floor(entry.mtime) })),
      }));
    const expected = pythonPack(archives);
    expect(expected.flat().length).toBeGreaterThan(500);
    for (const [index, { path }] of archives.entries()) expect(await ourListing(path)).toEqual(expected[index]);
  });

  it.each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])('reads folders packed by GNU tar as %s', async (format) => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'root');
    const long = 'l'.repeat(60);
    const names = [
      'a.jpg',
      'sub/b.seg.png',
      'ümlaut 漢.txt',
      `${long}/${long}x.cls`,
      ...(format === 'v7' ? [] : [`${long}/${long}/${long}/deep.txt`]),
    ];
    for (const entry of names) {
      if (format === 'v7' && entry.length > 99) continue;
      await mkdir(dirname(join(root, entry)), { recursive: true });
      await writeFile(join(root, entry), `data of ${entry}`.repeat(entry.length));
    }
    await symlink('a.jpg', join(root, 'symlink'));
    await link(join(root, 'a.jpg'), join(root, 'z-hardlink'));
    if (format !== 'v7' && format !== 'ustar') await symlink(`${long}/${long}/${long}`, join(root, 'long-symlink'));
    const archive = join(folder.path, 'x.tar');
    execFileSync('tar', ['--sort=name', `--format=${format}`, '--mtime=@1700000000', '-cf', archive, '-C', root, '.'], { stdio: 'pipe' });
    const ours = await ourListing(archive);
    expect(ours).toEqual(pythonListings([archive])[0]);
    expect(ours.filter(({ type }) => type === 'file').length).toBeGreaterThan(2);
    expect(ours.map(({ type }) => type)).toEqual(expect.arrayContaining(['directory', 'link', 'symlink']));
  });

  it('does not take the times in the prefix field of old GNU archives for a prefix', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'a.txt'), 'a');
    const archive = join(folder.path, 'x.tar');
    // --incremental stores access and change times where ustar has its prefix.
    execFileSync('tar', ['--format=gnu', '--incremental', '-cf', archive, '-C', folder.path, 'a.txt'], { stdio: 'pipe' });
    expect((await collect(scanTar(archive))).map(({ name: found }) => found)).toContain('a.txt');
  });

  it('takes the signed checksums of old tars', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x.tar');
    pythonPack([{ path, format: 0, files: [{ name: 'ü', data: '00', mtime: 1 }] }]);
    const bytes = await readFile(path);
    expect(bytes.subarray(0, 2).toString()).toBe('ü');
    bytes.fill(' ', 148, 156);
    const signedSum = new Int8Array(bytes.subarray(0, 512)).reduce((sum, byte) => sum + byte, 0);
    bytes.write(`${signedSum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect((await collect(scanTar(bytes))).map(({ name: found }) => found)).toEqual(['ü']);
    bytes[148]! ^= 1;
    await expect(collect(scanTar(bytes))).rejects.toMatchObject({ code: 'WDS_BAD_HEADER' });
  });

  it('agrees with tar-stream', async () => {
    // tar-stream writes times after 2038 wrongly.
    const files = fc.sample(file, { numRuns: 100, seed: 5 }).map((entry) => ({ ...entry, mtime: Math.floor(entry.mtime / 8) }));
    const pack = tarStream.pack();
    for (const entry of files)
      pack.entry({ name: entry.name, mtime: new Date(Math.floor(entry.mtime) * 1000) }, Buffer.from(entry.data, 'hex'));
    pack.finalize();
    const ours = await ourListing(Buffer.concat((await collect(pack)).map((piece) => Buffer.from(piece as Uint8Array))));
    expect(ours.map(({ name: found, data, mtime }) => ({ name: found, data, mtime }))).toEqual(
      files.map((entry) => ({ name: entry.name, data: entry.data, mtime: Math.floor(entry.mtime) })),
    );
  });
});

describe('TarScanner', () => {
  it('finds the same members whatever the windows, each wholly in one window if it fits', async () => {
    await using folder = await temporaryFolder();
    const sizes = [10, 700_000, 0, 512, 3_000_000, 1_000_000, 1, 1_500_000, 511, 2_000_000, 900_000];
    for (const [index, size] of sizes.entries())
      await writeFile(join(folder.path, `${'n'.repeat(120)}-${index}.bin`), Buffer.alloc(size, index + 1));
    const path = join(folder.path, 'x.tar');
    execFileSync('sh', ['-c', 'tar --format=posix -cf x.tar *.bin'], { cwd: folder.path });
    const bytes = await readFile(path);
    const whole = [...new TarScanner(path, bytes.length).scan(bytes)].map(({ member }) => member);
    expect(whole.map(({ size }) => size).sort()).toEqual([...sizes].sort());
    fc.assert(
      fc.property(fc.array(fc.integer({ min: MIN_WINDOW_BYTES, max: 2_500_000 }), { minLength: 1, maxLength: 9 }), (windows) => {
        const scanner = new TarScanner(path, bytes.length);
        const found: ScannedMember[] = [];
        for (let round = 0; !scanner.ended; round++) {
          const length = windows[round % windows.length]!;
          const start = scanner.position;
          for (const scanned of scanner.scan(bytes.subarray(start, start + length))) {
            const { member, data } = scanned;
            if (data === undefined) expect(member.offset + member.size - member.headerOffset).toBeGreaterThan(length);
            else expect(data.equals(bytes.subarray(member.offset, member.offset + member.size))).toBe(true);
            found.push(scanned);
          }
        }
        expect(found.map(({ member }) => member)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['base-256', 1],
    ['PAX', 2],
  ])('knows sizes beyond 8 GiB from %s', async (_, format) => {
    const size = 20 * 2 ** 30 + 12345;
    const program = `import json,sys,tarfile
info = tarfile.TarInfo('huge.bin'); info.size = ${size}
json.dump(info.tobuf(${format}).hex(), sys.stdout)`;
    const headers = Buffer.from(JSON.parse(execFileSync('python3', ['-c', program]).toString()) as string, 'hex');
    const scanner = new TarScanner('x', headers.length + Math.ceil(size / 512) * 512 + 1024);
    const [scanned] = [...scanner.scan(Buffer.concat([headers, Buffer.alloc(MIN_WINDOW_BYTES)]))];
    expect(scanned).toMatchObject({ member: { name: 'huge.bin', size, offset: headers.length }, data: undefined });
    expect([...scanner.scan(Buffer.alloc(1024))]).toEqual([]);
    expect(scanner.ended).toBe(true);
    await expect(collect(readTar(headers))).rejects.toMatchObject({ code: 'WDS_TRUNCATED' });
  });

  it('applies global PAX headers until a local one or an empty value says otherwise', async () => {
    const program = `import io,sys,tarfile
def add(name, pax): 
    info = tarfile.TarInfo(name); info.mtime = 5; info.pax_headers = pax
    tar.addfile(info)
tar = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.PAX_FORMAT, pax_headers={'mtime': '1000000000', 'comment': 'x'})
add('global', {}); add('local', {'mtime': '7.5'}); add('own', {'mtime': ''})
tar.close()`;
    const members = await collect(scanTar(execFileSync('python3', ['-c', program])));
    expect(members.map(({ mtime }) => mtime)).toEqual([1_000_000_000, 7.5, 5]);
  });

  it('goes on after leaving the loop where it was left', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x.tar');
    pythonPack([{ path, format: 2, files: ['a', 'b', 'c'].map((entry) => ({ name: entry, data: '', mtime: 0.5 })) }]);
    const bytes = await readFile(path);
    const scanner = new TarScanner(path, bytes.length);
    const seen: string[] = [];
    while (!scanner.ended) {
      for (const { member } of scanner.scan(bytes.subarray(scanner.position))) {
        seen.push(member.name);
        break;
      }
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('says so when a window is too small, instead of asking for it for ever', () => {
    const scanner = new TarScanner('x', 10_000);
    expect(() => [...scanner.scan(Buffer.alloc(100, 1))]).toThrow(RangeError);
  });
});

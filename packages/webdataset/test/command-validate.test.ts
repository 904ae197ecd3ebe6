import { copyFile, mkdir, open, readFile, rename, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { SampleToWrite } from '../src/shard-writer.ts';
import { TarWriter } from '../src/tar/writer.ts';
import { gnuTar, jsonLines, shell, start, until, webdataset, writeShards } from './command.ts';
import { makeJpeg, temporaryFolder } from './support.ts';

const jpeg = makeJpeg(16, 16, 1);

/** A shard of any members, as no writer of ours would make it. */
async function packMembers(path: string, members: readonly (readonly [string, string | Buffer])[]): Promise<string> {
  const pieces: Uint8Array[] = [];
  const writer = new TarWriter((bytes) => void pieces.push(bytes));
  for (const [name, data] of members) await writer.add({ name, data: Buffer.from(data) });
  await writer.close();
  await writeFile(path, Buffer.concat(pieces));
  return path;
}

const good = (count: number, prefix = 'k'): SampleToWrite[] =>
  Array.from({ length: count }, (_, index) => ({ __key__: `${prefix}${index}`, jpg: jpeg, cls: index }));

/** Faults without their messages, for which each test has an eye of its own. */
async function faultsOf(args: readonly string[]): Promise<{ code: number | null; faults: Record<string, unknown>[]; stderr: string }> {
  const { code, stdout, stderr } = await webdataset(['validate', ...args, '--json']);
  return { code, faults: jsonLines(stdout) as Record<string, unknown>[], stderr };
}

describe('webdataset validate', () => {
  it('finds nothing wrong with shards of this writer, GNU tar, or compressed ones', async () => {
    await using folder = await temporaryFolder();
    const shards = await writeShards(good(20), { directory: folder.path, maxCount: 10 });
    const source = join(folder.path, 'files');
    await mkdir(source);
    await writeFile(join(source, 'a.jpg'), jpeg);
    await writeFile(join(source, 'a.cls'), '1\n');
    const packed = join(folder.path, 'gnu.tar');
    gnuTar('cf', packed, '-C', folder.path, 'files/');
    const zipped = join(folder.path, 'zipped.tar.gz');
    await writeFile(zipped, gzipSync(await readFile(packed)));
    expect(await webdataset(['validate', ...shards, packed])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '3 shards, 21 samples: no fault\n',
    });
    expect(await webdataset(['validate', zipped])).toMatchObject({ code: 0, stdout: '', stderr: '1 shard, 1 sample: no fault\n' });
  });

  it('prints one typed line for each fault of each sample, goes on, sums up, and fails', async () => {
    await using folder = await temporaryFolder();
    const shard = await packMembers(join(folder.path, 'bad shard.tar'), [
      ['a.jpg', jpeg],
      ['a.cls', '1'],
      ['b.jpg', jpeg.subarray(0, 300)],
      ['b.cls', '2'],
      ['c.jpg', jpeg],
      ['c.cls', 'cat'],
      ['d.jpg', jpeg],
      ['e.jpg', jpeg],
      ['e.JPG', jpeg],
      ['e.cls', '5'],
      ['f.json', '{"x":'],
      ['f.jpg', jpeg],
      ['f.cls', '6'],
      ['a.cls', '1'],
      ['a.jpg', jpeg],
    ]);
    const { code, stdout, stderr } = await webdataset(['validate', shard]);
    expect(code).toBe(1);
    const place = JSON.stringify(shard);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, line.indexOf(': ')))).toEqual([
      expect.stringMatching(/^WDS_DECODE ".*bad shard\.tar" \d+ b$/),
      expect.stringMatching(/^WDS_LABEL ".*" \d+ c$/),
      expect.stringMatching(/^WDS_DUPLICATE_FIELD ".*" \d+ e$/),
      expect.stringMatching(/^WDS_DECODE ".*" \d+ f$/),
      expect.stringMatching(/^WDS_DUPLICATE_KEY ".*" \d+ a$/),
      expect.stringMatching(/^WDS_MISSING_FIELD ".*" \d+ d$/),
    ]);
    for (const line of lines) expect(line).toContain(` ${place} `);
    expect(stderr).toBe('1 shard, 7 samples: 6 faults in 1 shard\n');
    // The offset is that of the header of the member.
    const [, offset] = /^WDS_LABEL ".*" (\d+) c/m.exec(stdout) ?? [];
    expect((await readFile(shard)).toString('latin1', Number(offset), Number(offset) + 5)).toBe('c.cls');

    const { faults } = await faultsOf([shard]);
    expect(faults.map(({ code: name, key }) => `${String(name)} ${String(key)}`)).toEqual(
      lines.map((line) => `${line.split(' ')[0]!} ${/ (\w+): /.exec(line)![1]!}`),
    );
    for (const fault of faults) expect(Object.keys(fault).sort()).toEqual(['code', 'key', 'message', 'offset', 'severity', 'shard']);
  });

  it('tells of archives that are cut, damaged, grown, compressed in an unknown way, or not there; the others are still checked', async () => {
    await using folder = await temporaryFolder();
    const [shard] = await writeShards(good(3), { directory: folder.path, index: false });
    const at = (name: string): string => join(folder.path, name);
    for (const name of ['cut.tar', 'header.tar', 'tail.tar']) await copyFile(shard!, at(name));
    await truncate(at('cut.tar'), 4000);
    await using damaged = await open(at('header.tar'), 'r+');
    await damaged.write(Buffer.alloc(512, 0x41), 0, 512, 1024);
    await writeFile(at('tail.tar'), 'garbage', { flag: 'a' });
    await writeFile(at('xz.tar'), Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3, 4]));
    await writeFile(at('empty.tar'), '');
    const names = ['cut.tar', 'header.tar', 'tail.tar', 'xz.tar', 'empty.tar', 'none.tar'];
    const { code, faults, stderr } = await faultsOf([...names.map(at), shard!]);
    const stopping = faults.filter(({ code: name }) => name !== 'WDS_DUPLICATE_KEY');
    expect(code).toBe(1);
    expect(stopping.map(({ code: name, shard: path }) => [name, path])).toEqual([
      ['WDS_TRUNCATED', at('cut.tar')],
      ['WDS_BAD_HEADER', at('header.tar')],
      ['WDS_BAD_HEADER', at('tail.tar')],
      ['WDS_UNSUPPORTED', at('xz.tar')],
      ['WDS_TRUNCATED', at('empty.tar')],
      ['WDS_READ', at('none.tar')],
    ]);
    expect(stopping[1]).toMatchObject({ offset: 1024 });
    expect(stderr).toMatch(/^7 shards, \d+ samples: \d+ faults in 7 shards\n$/);
  });

  it('tells of shards without samples, and of keys that two shards have', async () => {
    await using folder = await temporaryFolder();
    const [shard] = await writeShards(good(2), { directory: folder.path });
    const twin = join(folder.path, 'twin.tar');
    await copyFile(shard!, twin);
    const bare = await packMembers(join(folder.path, 'bare.tar'), []);
    const useless = await packMembers(join(folder.path, 'useless.tar'), [['README', 'x']]);
    const { faults } = await faultsOf([shard!, twin, bare, useless]);
    expect(faults).toEqual([
      ...[0, 1].map((index): unknown =>
        expect.objectContaining({
          code: 'WDS_DUPLICATE_KEY',
          shard: twin,
          key: `k${index}`,
          message: expect.stringContaining(shard!) as unknown,
        }),
      ),
      expect.objectContaining({ code: 'WDS_EMPTY_SHARD', shard: bare, offset: null, key: null, message: 'the shard is empty' }),
      expect.objectContaining({ code: 'WDS_EMPTY_SHARD', shard: useless }),
    ]);
  });

  it('compares the index beside a shard with the shard', async () => {
    await using folder = await temporaryFolder();
    const [shard, other] = await writeShards(good(4), { directory: folder.path, maxCount: 2 });
    expect((await faultsOf([shard!, other!])).faults).toEqual([]);
    // The same places and other names, and a file that is no index.
    const path = shard!.replace('.tar', '.idx');
    await writeFile(path, (await readFile(path, 'utf8')).replace('cls 512 1 k0.cls', 'cls 512 2 k0.cls'));
    await writeFile(other!.replace('.tar', '.idx'), 'what?');
    const { code, faults } = await faultsOf([shard!, other!]);
    expect(code).toBe(1);
    expect(faults).toEqual(
      [shard, other].map((name): unknown => expect.objectContaining({ code: 'WDS_BAD_INDEX', shard: name, offset: null, key: null })),
    );
    expect(await webdataset(['index', '--force', folder.path])).toMatchObject({ code: 0 });
    expect((await faultsOf([folder.path])).code).toBe(0);
  });

  it('warns of dots in base names, once a shard, and does not fail for it', async () => {
    await using folder = await temporaryFolder();
    const dotted = await packMembers(join(folder.path, 'dotted.tar'), [
      ['photo.v1.jpg', jpeg],
      ['photo.v2.jpg', jpeg],
      ['other.v1.jpg', jpeg],
      ['third.jpg', jpeg],
      ['fourth.jpg', jpeg],
    ]);
    const numbered = await packMembers(join(folder.path, 'numbered.tar'), [['frame.0001.jpg', jpeg]]);
    const onPurpose = await packMembers(join(folder.path, 'on-purpose.tar'), [
      ['x.seg.png', 'not looked at'],
      ['y.seg.png', 'not looked at'],
    ]);
    const { code, faults } = await faultsOf(['--no-decode', '--fields', 'jpg', dotted]);
    expect(code).toBe(1);
    expect(faults.filter(({ severity }) => severity === 'warning')).toHaveLength(0 + 1);
    const lone = await faultsOf(['--no-decode', numbered]);
    expect(lone).toMatchObject({ code: 0, stderr: '1 shard, 1 sample: no fault, 1 warning\n' });
    expect(lone.faults).toEqual([
      expect.objectContaining({
        code: 'WDS_DOTTED_NAME',
        severity: 'warning',
        key: 'frame',
        message: expect.stringContaining('"frame.0001.jpg" is read as field "0001.jpg" of sample "frame"') as unknown,
      }),
    ]);
    expect((await faultsOf(['--no-decode', onPurpose])).faults).toEqual([]);
  });

  it('expects what most samples have, images of any format and labels of any name being alike; or what --fields says', async () => {
    await using folder = await temporaryFolder();
    const shard = await packMembers(join(folder.path, 'mixed.tar'), [
      ['a.jpg', jpeg],
      ['a.cls', '1'],
      ['b.jpeg', jpeg],
      ['b.index', '1'],
      ['c.jpg', jpeg],
      ['c.cls', '1'],
      ['c.txt', 'rare'],
      ['d.cls', '1'],
    ]);
    expect((await faultsOf([shard])).faults).toEqual([
      expect.objectContaining({
        code: 'WDS_MISSING_FIELD',
        key: 'd',
        message: expect.stringContaining('no image (jpg, jpeg, png, webp)') as unknown,
      }),
    ]);
    const { faults } = await faultsOf(['--fields', 'txt,cls', shard]);
    expect(faults.map(({ key }) => key)).toEqual(['a', 'b', 'b', 'd']);
  });

  it('leaves images alone with --no-decode', async () => {
    await using folder = await temporaryFolder();
    const shard = await packMembers(join(folder.path, 'x.tar'), [
      ['a.jpg', 'no image'],
      ['a.cls', 'no label'],
    ]);
    expect((await faultsOf([shard])).faults.map(({ code }) => code)).toEqual(['WDS_DECODE', 'WDS_LABEL']);
    expect((await faultsOf(['--no-decode', shard])).faults.map(({ code }) => code)).toEqual(['WDS_LABEL']);
  });

  it('fails when faults were found, even if nobody reads them to the end', async () => {
    await using folder = await temporaryFolder();
    const shard = await packMembers(
      join(folder.path, 'x.tar'),
      Array.from({ length: 3000 }, (_, index) => [`${index}.cls`, 'no label'] as const),
    );
    const { stdout, stderr } = shell(`{ "$NODE" "$BIN" validate "$0"; echo "exit code $?" >&2; } | head -n 1`, shard);
    expect(stdout).toMatch(/^WDS_LABEL /);
    expect(stderr).toBe('exit code 1\n');
  });
});

describe('webdataset validate, when it is stopped', () => {
  it('ends at once by Ctrl-C while images are decoded, without a word about their faults', async () => {
    await using folder = await temporaryFolder();
    const large = makeJpeg(2000, 2000, 1);
    await writeShards(
      Array.from({ length: 200 }, (_, index) => ({ __key__: String(index), jpg: large, cls: index })),
      { directory: folder.path },
    );
    await using running = start(['validate', folder.path]);
    // It is at work when it has loaded the decoder, which the command itself never loads.
    await until(async () => (await readFile(`/proc/${running.child.pid}/maps`, 'utf8')).includes('jpeg-turbo'));
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      code: 130,
      signal: null,
      stdout: '',
      stderr: expect.stringContaining('INTERRUPTED') as unknown,
    });
  });
});

describe('webdataset index', () => {
  it('writes what the writer writes, leaves fresh ones, and makes stale ones anew', async () => {
    await using folder = await temporaryFolder();
    const shards = await writeShards(good(6), { directory: folder.path, maxCount: 2 });
    const indexes = shards.map((path) => path.replace('.tar', '.idx'));
    const expected = await Promise.all(indexes.map((path) => readFile(path, 'utf8')));
    const bare = join(folder.path, 'bare');
    await mkdir(bare);
    const moved = shards.map((path) => path.replace(folder.path, bare));
    for (const [number, path] of shards.entries()) await rename(path, moved[number]!);
    expect(await webdataset(['index', bare])).toMatchObject({ code: 0, stdout: '3 indexes written, 0 fresh, 6 samples\n', stderr: '' });
    const written = moved.map((path) => path.replace('.tar', '.idx'));
    expect(await Promise.all(written.map((path) => readFile(path, 'utf8')))).toEqual(expected);

    // Another shard takes the place of the first one.
    await writeShards([{ __key__: 'z', txt: 'z' }], { directory: bare, index: false });
    const { stdout } = await webdataset(['index', bare, '--json', '--jobs', '1']);
    expect(jsonLines(stdout)).toEqual(
      moved.map((shard, number) => ({
        shard,
        index: written[number],
        samples: number === 0 ? 1 : 2,
        status: number === 0 ? 'written' : 'fresh',
      })),
    );
    expect(await webdataset(['index', bare, '--force'])).toMatchObject({ stdout: '3 indexes written, 0 fresh, 5 samples\n' });
  });

  it('makes an index anew when its shard is younger, even where both ends still fit', async () => {
    await using folder = await temporaryFolder();
    const three = (middle: string): SampleToWrite[] => [
      { __key__: 'a', txt: 'x' },
      { __key__: 'b', txt: middle },
      { __key__: 'c', txt: 'x' },
    ];
    const [shard] = await writeShards(three('short'), { directory: folder.path });
    const other = join(folder.path, 'other');
    await mkdir(other);
    const [replacement] = await writeShards(three('a bit longer'), { directory: other, index: false });
    await rename(replacement!, shard!);
    await utimes(shard!, new Date(), new Date(Date.now() + 10_000));
    expect(await webdataset(['index', shard!])).toMatchObject({ code: 0, stdout: '1 index written, 0 fresh, 3 samples\n' });
    expect(await webdataset(['index', '--check', shard!])).toMatchObject({ code: 0 });
  });

  it('checks indexes against whole shards', async () => {
    await using folder = await temporaryFolder();
    const [shard, other, third] = await writeShards(good(9), { directory: folder.path, maxCount: 3 });
    expect(await webdataset(['index', '--check', folder.path])).toMatchObject({ code: 0, stdout: '3 indexes correct, 9 samples\n' });
    const path = shard!.replace('.tar', '.idx');
    // In the middle, where a look at both ends shows nothing.
    await writeFile(path, (await readFile(path, 'utf8')).replace(/ (\d+) k1\.jpg/, ' 1 k1.jpg'));
    await rename(other!.replace('.tar', '.idx'), join(folder.path, 'elsewhere'));
    const { code, stdout, stderr } = await webdataset(['index', '--check', '--jobs', '1', shard!, other!, third!]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '1 index correct, 3 samples\n' });
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(
        /^webdataset: WDS_BAD_INDEX: .*000000\.tar: its index .*000000\.idx is not that of the shard: sample 1 \("k1"\)/,
      ),
      expect.stringMatching(/^webdataset: WDS_BAD_INDEX: .*000001\.tar: there is no index .*000001\.idx; "webdataset index" writes it$/),
      'webdataset: INCOMPLETE: 2 of 3 shards failed; see the lines above',
      '',
    ]);
  });

  it('refuses what can have no index beside it, and leaves no half of one', async () => {
    await using folder = await temporaryFolder();
    const [shard] = await writeShards(good(1), { directory: folder.path, pattern: 'x-%d.tar.gz' });
    const blanks = await packMembers(join(folder.path, 'blanks.tar'), [['a b.txt', 'x']]);
    const [url, compressed, unnameable, usage] = await Promise.all([
      webdataset(['index', 'http://localhost:1/x.tar']),
      webdataset(['index', shard!]),
      webdataset(['index', blanks]),
      webdataset(['index', blanks, '--check', '--force']),
    ]);
    expect(url).toMatchObject({ code: 2, stdout: '' });
    expect(url.stderr).toMatch(/^webdataset: USAGE: no index can be written beside a URL/);
    expect(compressed).toMatchObject({ code: 1 });
    expect(compressed.stderr).toMatch(/^webdataset: WDS_UNSUPPORTED: .*the shard is compressed.*decompress it first\n$/);
    expect(unnameable).toMatchObject({ code: 1 });
    expect(unnameable.stderr).toMatch(/^webdataset: WDS_BAD_INDEX: .*blanks\.tar.*blank/);
    expect(usage.code).toBe(2);
  });
});

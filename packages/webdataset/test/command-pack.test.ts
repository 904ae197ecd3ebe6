import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { contentsOf, jsonLines, namesIn, start, until, webdataset } from './command.ts';
import { temporaryFolder } from './support.ts';

/** Writes files into a folder, with the folders they need. */
async function fill(root: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

const photos: Readonly<Record<string, string | Buffer>> = Object.fromEntries(
  Array.from({ length: 20 }, (_, index) => index).flatMap((index): [string, string | Buffer][] => [
    [`set/${index}.jpg`, Buffer.alloc(1000 + index, index)],
    [`set/${index}.cls`, String(index % 3)],
  ]),
);

describe('webdataset pack', () => {
  it('makes shards that list, read and unpack to the folder again', async () => {
    await using folder = await temporaryFolder();
    const files: Readonly<Record<string, string | Buffer>> = {
      ...photos,
      'ünïcode/漢.txt': 'x',
      'a.b.txt': 'dotted',
      [`long/${'n'.repeat(200)}.txt`]: 'long',
    };
    const source = await fill(join(folder.path, 'in'), files);
    const out = join(folder.path, 'deep/out');
    const { code, stdout, stderr } = await webdataset(['pack', source, '--out', out, '--max-count', '8']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^packed 23 samples \(b\.txt 1, cls 20, jpg 20, txt 2\) in 3 shards, [\d.]+ KiB, in .*deep\/out\n$/);
    expect(await namesIn(out)).toEqual([0, 1, 2].flatMap((number) => [`shard-00000${number}.idx`, `shard-00000${number}.tar`]));

    const listed = jsonLines((await webdataset(['ls', out, '--json'])).stdout) as { key: string; fields: Record<string, number> }[];
    expect(
      Object.fromEntries(listed.flatMap(({ key, fields }) => Object.entries(fields).map(([field, size]) => [`${key}.${field}`, size]))),
    ).toEqual(Object.fromEntries(Object.entries(files).map(([name, content]) => [name, Buffer.from(content).length])));
    expect(listed.map(({ key }) => key)).toEqual(listed.map(({ key }) => key).sort());
    const { bytes } = await webdataset(['cat', join(out, 'shard-000002.tar'), 'set/9', 'jpg']);
    expect(bytes.equals(Buffer.from(photos['set/9.jpg']!))).toBe(true);

    const unpacked = join(folder.path, 'unpacked');
    await mkdir(unpacked);
    for (const number of [0, 1, 2]) execFileSync('tar', ['xf', join(out, `shard-00000${number}.tar`), '-C', unpacked]);
    expect(await contentsOf(unpacked)).toEqual(await contentsOf(source));
    expect(await webdataset(['index', '--check', out])).toMatchObject({ code: 0, stdout: '3 indexes correct, 23 samples\n' });
  });

  it('gives the same bytes for the same files, shuffled too, whatever their times and the order of the folder', async () => {
    await using folder = await temporaryFolder();
    const one = await fill(join(folder.path, 'one'), photos);
    const two = await fill(join(folder.path, 'two'), Object.fromEntries(Object.entries(photos).reverse()));
    const pack = async (source: string, name: string, ...args: string[]): Promise<Map<string, Buffer>> => {
      const out = join(folder.path, name);
      expect(await webdataset(['pack', source, '--out', out, '--max-size', '10KiB', ...args])).toMatchObject({ code: 0 });
      return contentsOf(out);
    };
    const [plain, again, shuffled, shuffledAgain, other] = await Promise.all([
      pack(one, 'a'),
      pack(two, 'b'),
      pack(one, 'c', '--shuffle', '7'),
      pack(two, 'd', '--shuffle', '7'),
      pack(one, 'e', '--shuffle', '8'),
    ]);
    expect(again).toEqual(plain);
    expect(shuffledAgain).toEqual(shuffled);
    expect(shuffled).not.toEqual(plain);
    expect(shuffled).not.toEqual(other);
    expect(plain.size).toBeGreaterThan(4);
    for (const [name, bytes] of plain) if (name.endsWith('.tar')) expect(bytes.length).toBeLessThanOrEqual(10 * 1024);
  });

  it('numbers the classes of folders, and names them in a file', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), { 'dog/1.jpg': 'd', 'cat/1.jpg': 'c', 'cat/deep/2.jpg': 'c' });
    const out = join(folder.path, 'out');
    const { stdout } = await webdataset(['pack', source, '--out', out, '--classes-from-folders', '--json']);
    const shard = join(out, 'shard-000000.tar');
    expect(JSON.parse(stdout)).toEqual({
      samples: 3,
      fields: { cls: 3, jpg: 3 },
      shards: [{ path: shard, index: join(out, 'shard-000000.idx'), samples: 3, size: (await readFile(shard)).length }],
      classes: ['cat', 'dog'],
      skipped: [],
    });
    expect(JSON.parse(await readFile(join(out, 'classes.json'), 'utf8'))).toEqual(['cat', 'dog']);
    expect((await webdataset(['cat', shard, 'dog/1', 'cls'])).stdout).toBe('1');
  });

  it.each([
    ['shards-%02d.tar.gz', gunzipSync],
    ['shards-%02d.tgz', gunzipSync],
    ['shards-%02d.tar.zst', zstdDecompressSync],
  ])('compresses shards named %s, without an index', async (pattern, decompress) => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), photos);
    const [plain, packed] = [join(folder.path, 'plain'), join(folder.path, 'packed')];
    await webdataset(['pack', source, '--out', plain]);
    expect(await webdataset(['pack', source, '--out', packed, '--pattern', pattern])).toMatchObject({ code: 0 });
    const name = pattern.replace('%02d', '00');
    expect(await namesIn(packed)).toEqual([name]);
    const bytes = decompress(await readFile(join(packed, name)));
    expect(bytes.equals(await readFile(join(plain, 'shard-000000.tar')))).toBe(true);
    expect((await webdataset(['ls', packed])).stdout.split('\n')).toHaveLength(21);
  });

  it('passes over hidden files, tells of files without extension, and follows links to files', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), { 'a.txt': 'a', README: 'x', '.hidden.txt': 'x', '.git/x.txt': 'x' });
    await symlink(join(source, 'a.txt'), join(source, 'b.txt'));
    await symlink('/', join(source, 'root'));
    const { code, stdout, stderr } = await webdataset(['pack', source, '--out', join(source, 'shards'), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 2, fields: { txt: 2 }, skipped: ['README', 'root'] });
    expect(stderr).toBe('webdataset: skipped 2 files without an extension, such as "README"\n');
    // The output lies inside, and is not packed the next time.
    expect(JSON.parse((await webdataset(['pack', source, '--out', join(source, 'shards'), '--json', '--force'])).stdout)).toMatchObject({
      samples: 2,
    });
  });

  it('does not mix its shards with others: it refuses, or replaces them all', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), photos);
    const out = join(folder.path, 'out');
    await webdataset(['pack', source, '--out', out, '--max-count', '5']);
    await writeFile(join(out, 'notes.txt'), 'mine');
    const before = await contentsOf(out);
    const refused = await webdataset(['pack', source, '--out', out]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^webdataset: OUTPUT_EXISTS: .*shard-000000\.idx is there already; choose another --out, or .*--force\n$/,
    );
    expect(await contentsOf(out)).toEqual(before);
    expect(await webdataset(['pack', source, '--out', out, '--force', '--no-index'])).toMatchObject({ code: 0 });
    expect(await namesIn(out)).toEqual(['notes.txt', 'shard-000000.tar']);
  });

  const faults: readonly [string, Readonly<Record<string, string>>, readonly string[], RegExp][] = [
    ['no files', {}, [], /NOTHING_TO_PACK: .* has no files/],
    ['no extension', { README: 'x' }, [], /NOTHING_TO_PACK: .* such as "README"/],
    ['two files for one field', { 'a.jpg': 'x', 'a.JPG': 'y' }, [], /BAD_FOLDER: .* would both be field "jpg" of sample "a"; rename one/],
    ['a sample without class folder', { 'a.jpg': 'x' }, ['--classes-from-folders'], /BAD_FOLDER: sample "a" lies in no folder/],
    ['a label beside a class folder', { 'c/a.cls': '1' }, ['--classes-from-folders'], /BAD_FOLDER: sample "c\/a" has a label already/],
    ['a name that no shard can hold', { 'a\nb.txt': 'x' }, [], /WDS_BAD_SAMPLE: .* would not read back/],
  ];
  it.each(faults)('refuses a folder with %s, and leaves nothing behind', async (_, files, args, message) => {
    await using folder = await temporaryFolder();
    const source = join(folder.path, 'in');
    await mkdir(source);
    await fill(source, files);
    const { code, stdout, stderr } = await webdataset(['pack', 'in', '--out', 'made/out', ...args], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(await namesIn(folder.path)).toEqual(['in']);
  });

  it.each([
    [['pack', '--out', 'x'], /missing required argument 'dir'/],
    [['pack', '.'], /required option '-o, --out <dir>' not specified/],
    [['pack', '.', '--out', 'x', '--max-size', '0'], /Expected a size such as 500MiB/],
    [['pack', '.', '--out', 'x', '--max-count', 'many'], /Expected a whole number of at least 1/],
    [['pack', '.', '--out', 'x', '--pattern', 'shard.tar'], /Expected a file name with one %d or %06d/],
    [['pack', '.', '--out', 'x', '--pattern', 'shard-%d.zip'], /Expected a name that ends in \.tar/],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stderr } = await webdataset(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('says what cannot be read, and leaves nothing behind', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), photos);
    await symlink(join(source, 'gone'), join(source, 'dangling.txt'));
    const [missing, dangling] = await Promise.all([
      webdataset(['pack', join(folder.path, 'nowhere'), '--out', join(folder.path, 'out')]),
      webdataset(['pack', source, '--out', join(folder.path, 'out')]),
    ]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^webdataset: BAD_FOLDER: cannot list .*nowhere.*ENOENT/);
    expect(dangling.code).toBe(1);
    expect(dangling.stderr).toMatch(/^webdataset: BAD_FOLDER: cannot follow the link .*dangling/);
    expect(await namesIn(folder.path)).toEqual(['in']);
    await writeFile(join(folder.path, 'file'), '');
    const onFile = await webdataset(['pack', join(source, 'set'), '--out', join(folder.path, 'file')]);
    expect(onFile.code).toBe(1);
    expect(onFile.stderr).toMatch(/^webdataset: WDS_WRITE: cannot write to .*file": EEXIST/);
  });
});

describe('webdataset pack, when it is stopped', () => {
  it('by kill -9 leaves only hidden files, which the next run removes', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`${n}.txt`, `${n}`])));
    const out = join(folder.path, 'out');
    await using running = start(['pack', source, '--out', out, '--max-count', '10']);
    // Some shards are complete, in the hidden folder in which they wait for the others.
    await until(async () => {
      const [staging] = await namesIn(out);
      return staging !== undefined && (await namesIn(join(out, staging))).includes('shard-000001.tar');
    });
    running.child.kill('SIGKILL');
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL' });
    expect((await namesIn(out)).filter((name) => !name.startsWith('.'))).toEqual([]);
    expect(await namesIn(out)).toHaveLength(1);

    expect(await webdataset(['pack', source, '--out', out])).toMatchObject({ code: 0 });
    expect(await namesIn(out)).toEqual(['shard-000000.idx', 'shard-000000.tar']);
  });

  it('by Ctrl-C leaves nothing, and says so', async () => {
    await using folder = await temporaryFolder();
    const source = await fill(join(folder.path, 'in'), Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`${n}.txt`, `${n}`])));
    const out = join(folder.path, 'deep/out');
    await using running = start(['pack', source, '--out', out, '--max-count', '10']);
    await until(async () => (await namesIn(out)).length > 0);
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      code: 130,
      signal: null,
      stdout: '',
      stderr: 'webdataset: INTERRUPTED: stopped by SIGINT; nothing half-written is left\n',
    });
    expect(await namesIn(folder.path)).toEqual(['in']);
  });
});

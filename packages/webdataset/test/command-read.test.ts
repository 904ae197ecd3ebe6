import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gnuTar, jsonLines, shell, webdataset, writeShards } from './command.ts';
import { makeJpeg, temporaryFolder } from './support.ts';
import { pythonPack } from './tar-oracles.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let shards: string[];
const jpeg = makeJpeg(8, 8, 1);

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, 'data');
  await mkdir(data);
  shards = await writeShards(
    Array.from({ length: 5 }, (_, index) => ({ __key__: `k${index}`, cls: index % 2, jpg: jpeg })),
    { directory: data, maxCount: 3 },
  );
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Serves a folder over HTTP with ranges, as an object store does. */
async function serve(directory: string, asked: string[]): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    readFile(join(directory, request.url ?? '')).then(
      (bytes) => {
        const [, from, to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
        if (from === undefined) return response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
        const part = bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
        const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
        return response.writeHead(206, { 'content-range': range, 'content-length': part.length, etag: '"1"' }).end(part);
      },
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

describe('webdataset ls', () => {
  it('prints a line for each sample: key, shard, and fields with their sizes', async () => {
    const { code, stdout, stderr } = await webdataset(['ls', data]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      ...[0, 1, 2, 3, 4].map((index) => `k${index}\t${shards[index < 3 ? 0 : 1]!}\tcls=1 jpg=${jpeg.length}`),
      '',
    ]);
  });

  it('prints one JSON object a line: exactly key, shard and fields', async () => {
    const { code, stdout } = await webdataset(['ls', `${data}/shard-{000000..000001}.tar`, '--json']);
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual(
      [0, 1, 2, 3, 4].map((index) => ({ key: `k${index}`, shard: shards[index < 3 ? 0 : 1]!, fields: { cls: 1, jpg: jpeg.length } })),
    );
  });

  it('reads what GNU tar packs of a folder, and what Python packs in each format', async () => {
    const dir = join(folder.path, 'photos');
    await mkdir(join(dir, 'sub'), { recursive: true });
    const files = { 'sub/a.cls': '7', 'sub/a.seg.PNG': 'png', 'sub/b.txt': 'text', '.hidden.txt': 'x', 'no-extension': 'x' };
    for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
    const packed = join(folder.path, 'gnu.tar');
    gnuTar('cf', packed, '--sort=name', '-C', folder.path, 'photos/');
    expect(jsonLines((await webdataset(['ls', packed, '--json'])).stdout)).toEqual([
      { key: 'photos/sub/a', shard: packed, fields: { cls: 1, 'seg.png': 3 } },
      { key: 'photos/sub/b', shard: packed, fields: { txt: 4 } },
    ]);

    const formats = [0, 1, 2].map((format) => join(folder.path, `python-${format}.tar`));
    pythonPack(
      formats.map((path, format) => ({ path, format, files: [{ name: 'a.txt', data: '616263', mtime: format === 2 ? 1.5 : 1 }] })),
    );
    expect(jsonLines((await webdataset(['ls', ...formats, '--json'])).stdout)).toEqual(
      formats.map((path) => ({ key: 'a', shard: path, fields: { txt: 3 } })),
    );
  });

  it('shows names with blanks and control characters as JSON strings, which move no cursor', async () => {
    const path = join(folder.path, 'odd.tar');
    pythonPack([{ path, format: 2, files: [{ name: 'a b\u001b[2J\u009b.txt', data: '', mtime: 0 }] }]);
    const { stdout } = await webdataset(['ls', path]);
    expect(stdout).toBe(`"a b\\u001b[2J\\u009b"\t${path}\ttxt=0\n`);
  });

  it('lists the other shards when one is damaged, says which one, and fails', async () => {
    const cut = join(folder.path, 'cut.tar');
    await writeFile(cut, await readFile(shards[0]!));
    await truncate(cut, 3000);
    const { code, stdout, stderr } = await webdataset(['ls', cut, shards[1]!, '--json']);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual([expect.objectContaining({ key: 'k3' }), expect.objectContaining({ key: 'k4' })]);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^webdataset: WDS_TRUNCATED: .*cut\.tar, .*at byte \d+: the shard is truncated/),
      'webdataset: INCOMPLETE: 1 of 2 shards failed; see the lines above',
      '',
    ]);
  });

  it('says in one line what is wrong with the only shard', async () => {
    const { code, stdout, stderr } = await webdataset(['ls', join(folder.path, 'none.tar')]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^webdataset: WDS_READ: .*none\.tar: cannot open the shard: ENOENT[^\n]*\n$/);
  });

  it('lists and reads what a server gives', async () => {
    const asked: string[] = [];
    await using server = await serve(data, asked);
    const url = `${server.url}/shard-000000.tar`;
    expect(jsonLines((await webdataset(['ls', url, '--json'])).stdout)).toEqual(
      [0, 1, 2].map((index) => ({ key: `k${index}`, shard: url, fields: { cls: 1, jpg: jpeg.length } })),
    );
    expect((await webdataset(['cat', url, 'k1', 'jpg'])).bytes.equals(jpeg)).toBe(true);
    expect(asked).toContain('/shard-000000.idx');
    expect(await webdataset(['validate', url])).toMatchObject({ code: 0, stderr: '1 shard, 3 samples: no fault\n' });
    const missing = await webdataset(['ls', `${server.url}/none.tar`]);
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(/^webdataset: WDS_READ: http:.*none\.tar.*404[^\n]*\n$/);
  });

  it('tells of samples at fault, with an index and without one, after listing them', async () => {
    const path = join(folder.path, 'twice.tar');
    pythonPack([{ path, format: 0, files: ['a.txt', 'a.TXT', 'b.txt'].map((name) => ({ name, data: '61', mtime: 0 })) }]);
    const bare = await webdataset(['ls', path]);
    await webdataset(['index', path]);
    const indexed = await webdataset(['ls', path]);
    expect(indexed).toEqual(bare);
    expect(bare).toMatchObject({ code: 1, stdout: `a\t${path}\ttxt=1\nb\t${path}\ttxt=1\n` });
    expect(bare.stderr).toMatch(/^webdataset: WDS_DUPLICATE_FIELD: .*twice\.tar, sample "a", at byte 1024: [^\n]*\n$/);
  });

  it('ends quietly when nobody reads on', async () => {
    const many = join(folder.path, 'many');
    await mkdir(many);
    await writeShards(
      Array.from({ length: 6000 }, (_, index) => ({ __key__: `a-rather-long-key-that-fills-the-pipe-${index}`, cls: 1 })),
      { directory: many },
    );
    const { stdout, stderr } = shell(`{ "$NODE" "$BIN" ls "$0"; echo "exit code $?" >&2; } | head -n 1`, many);
    expect({ stdout: stdout.split('\t')[0], stderr }).toEqual({
      stdout: 'a-rather-long-key-that-fills-the-pipe-0',
      stderr: 'exit code 0\n',
    });
  });

  it.each([
    [['ls'], /missing required argument 'spec'/],
    [['ls', 'x.tar', '--jsno'], /unknown option '--jsno'/],
    [['lss', 'x.tar'], /unknown command 'lss'/],
    [['ls', 'a{b.tar'], /^webdataset: WDS_BAD_SPEC: .*"\{" without a "\}"/],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await webdataset(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('says when a folder or pattern has no shards', async () => {
    const { code, stderr } = await webdataset(['ls', join(folder.path, 'missing')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^webdataset: WDS_NO_SHARDS: [^\n]*missing[^\n]*\n$/);
  });
});

describe('webdataset cat', () => {
  it('gives the bytes, with an index and without one', async () => {
    const bare = join(folder.path, 'bare.tar');
    await writeFile(bare, await readFile(shards[0]!));
    for (const shard of [shards[0]!, bare]) {
      expect((await webdataset(['cat', shard, 'k1', 'jpg'])).bytes.equals(jpeg)).toBe(true);
      expect(await webdataset(['cat', shard, 'k1', 'cls'])).toMatchObject({ code: 0, stdout: '1', stderr: '' });
    }
  });

  it('reads only these bytes where there is an index: damage before them does no harm', async () => {
    const directory = join(folder.path, 'damaged');
    await mkdir(directory);
    const [shard] = await writeShards(
      ['a', 'b', 'c'].map((key) => ({ __key__: key, txt: key })),
      { directory },
    );
    await using file = await open(shard!, 'r+');
    await file.write(Buffer.alloc(512, 0x55), 0, 512, 1024);
    expect(await webdataset(['cat', shard!, 'c', 'txt'])).toMatchObject({ code: 0, stdout: 'c' });
    expect(await webdataset(['cat', shard!, 'b', 'txt'])).toMatchObject({ code: 1, stdout: '' });
  });

  it('finds a field where the folder was packed as its files came, and the members of a sample lie apart', async () => {
    const directory = join(folder.path, 'apart');
    await mkdir(directory);
    for (const name of ['a.cls', 'b.cls', 'a.txt', 'b.txt']) await writeFile(join(directory, name), name);
    const packed = join(directory, 'apart.tar');
    gnuTar('cf', packed, '-C', directory, 'a.cls', 'b.cls', 'a.txt', 'b.txt');
    for (const indexed of [false, true]) {
      if (indexed) expect(await webdataset(['index', packed])).toMatchObject({ code: 0 });
      expect(await webdataset(['cat', packed, 'a', 'cls'])).toMatchObject({ code: 0, stdout: 'a.cls', stderr: '' });
      expect(await webdataset(['cat', packed, 'a', 'txt'])).toMatchObject({ code: 0, stdout: 'a.txt', stderr: '' });
      const message = `sample "b" of ${packed} has no field "jpg"; it has cls, txt`;
      expect(await webdataset(['cat', packed, 'b', 'jpg'])).toMatchObject({ code: 1, stderr: `webdataset: NO_SUCH_FIELD: ${message}\n` });
    }
  });

  it.each(['with an index', 'without one'])('says which keys and fields there are, %s', async (how) => {
    const shard = how === 'with an index' ? shards[0]! : join(folder.path, 'without.tar');
    if (how !== 'with an index') await writeFile(shard, await readFile(shards[0]!));
    const lines = await Promise.all(
      [
        ['k9', 'jpg'],
        ['k1.jpg', 'jpg'],
        ['k1', 'png'],
      ].map(async ([key, field]) => webdataset(['cat', shard, key!, field!])),
    );
    expect(lines.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }))).toEqual([
      { code: 1, stdout: '', stderr: `webdataset: NO_SUCH_SAMPLE: ${shard} has no sample "k9"; "webdataset ls ${shard}" lists them\n` },
      {
        code: 1,
        stdout: '',
        stderr: `webdataset: NO_SUCH_SAMPLE: ${shard} has no sample "k1.jpg"; a key ends at the first dot of the file name: try key "k1" and field "jpg"\n`,
      },
      { code: 1, stdout: '', stderr: `webdataset: NO_SUCH_FIELD: sample "k1" of ${shard} has no field "png"; it has cls, jpg\n` },
    ]);
  });
});

describe('webdataset stats', () => {
  it('counts shards, samples, bytes, fields and classes', async () => {
    const { code, stdout, stderr } = await webdataset(['stats', data, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const bytes = (await Promise.all(shards.map((path) => readFile(path)))).reduce((sum, { length }) => sum + length, 0);
    const size = jpeg.length;
    expect(JSON.parse(stdout)).toEqual({
      shards: 2,
      samples: 5,
      bytes,
      fields: {
        cls: { count: 5, bytes: 5, min: 1, mean: 1, max: 1 },
        jpg: { count: 5, bytes: 5 * size, min: size, mean: size, max: size },
      },
      classes: { 0: 3, 1: 2 },
    });
  });

  it('prints tables for people', async () => {
    const { stdout } = await webdataset(['stats', data]);
    expect(stdout).toMatch(/^2 shards, 5 samples, [\d.]+ KiB\n\nfield +count +min +mean +max +total\ncls +5 +1 B/);
    expect(stdout).toMatch(/\nclass {2}count\n0 {10}3\n1 {10}2\n$/);
  });

  it('leaves out shards that cannot be read, and fails', async () => {
    const { code, stdout, stderr } = await webdataset(['stats', ...shards, join(folder.path, 'none.tar'), '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ shards: 2, samples: 5 });
    expect(stderr).toMatch(/WDS_READ.*\n.*INCOMPLETE: 1 of 3 shards failed/);
  });
});

describe('webdataset', () => {
  it('explains itself and every command, with examples', async () => {
    const names = ['ls', 'cat', 'stats', 'validate', 'index', 'pack', 'split'];
    const help = await Promise.all([[], ...names.map((name) => [name])].map((args) => webdataset([...args, '--help'])));
    for (const { code, stdout, stderr } of help) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Examples:\n  $ webdataset ');
    }
    expect((await webdataset(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await webdataset([])).toMatchObject({ code: 2, stdout: '' });
  });
});

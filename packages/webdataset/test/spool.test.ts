import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { locate } from '../src/source/locate.ts';
import { openShard } from '../src/source/open-shard.ts';
import { readTar } from '../src/tar/reader.ts';
import { collect, python, temporaryFolder } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
  vi.stubEnv('TMPDIR', join(folder.path));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

async function inFile(name: string, bytes: Uint8Array): Promise<{ kind: 'file'; name: string; path: string }> {
  await writeFile(join(folder.path, name), bytes);
  return { kind: 'file', name, path: join(folder.path, name) };
}

const openSpools = async (): Promise<number> => {
  const { stdout } = await promisify(execFile)('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c '\\.spool' || true`]);
  return Number(stdout);
};

describe('a shard that must be uncompressed into a temporary file', () => {
  it('is WDS_SPOOL when the folder refuses it', async () => {
    const location = await inFile('x.tar.gz', gzipSync('abc'));
    vi.stubEnv('TMPDIR', join(folder.path, 'none'));
    await expect(openShard(location)).rejects.toMatchObject({
      code: 'WDS_SPOOL',
      shard: 'x.tar.gz',
      message: expect.stringMatching(/none" refuses it: ENOENT.*; set TMPDIR to a folder with room/) as string,
      cause: { code: 'ENOENT' },
    });
  });

  it('is WDS_SPOOL when there is no room for it, and nothing stays open or behind', async () => {
    const location = await inFile('x.tar.gz', gzipSync(Buffer.alloc(20_000_000)));
    const program = `
      const { openShard } = await import(${JSON.stringify(new URL('../src/source/open-shard.ts', import.meta.url).href)});
      const { readdirSync } = await import('node:fs');
      const { execFileSync } = await import('node:child_process');
      const error = await openShard(${JSON.stringify(location)}).catch((reason) => reason);
      const open = execFileSync('sh', ['-c', 'ls -l /proc/' + process.pid + '/fd | grep -c spool || true']).toString().trim();
      console.log(JSON.stringify({ code: error.code, cause: error.cause?.code, files: readdirSync(process.env.TMPDIR), open }));`;
    // No file may become larger than 4 MiB: the nearest thing to a full disk that needs no rights.
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      `ulimit -f 4096; exec "$0" --input-type=module -e "$1"`,
      process.execPath,
      program,
    ]);
    expect(JSON.parse(stdout)).toEqual({ code: 'WDS_SPOOL', cause: 'EFBIG', files: ['x.tar.gz'], open: '0' });
  });

  it('takes bounded memory, however long it is', async () => {
    // 600 MB of zeros in 600 KB.
    const megabyte = gzipSync(Buffer.alloc(1_000_000));
    const location = await inFile('x.tar.gz', Buffer.concat(Array.from({ length: 600 }, () => megabyte)));
    const program = `
      const { openShard } = await import(${JSON.stringify(new URL('../src/source/open-shard.ts', import.meta.url).href)});
      await using bytes = await openShard(${JSON.stringify(location)});
      console.log(JSON.stringify({ size: bytes.size, peakMiB: process.resourceUsage().maxRSS / 1024 }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    const { size, peakMiB } = JSON.parse(stdout) as { size: number; peakMiB: number };
    expect(size).toBe(600_000_000);
    expect(peakMiB).toBeLessThan(250);
  });

  it('leaves nothing behind when it is aborted in the middle, even if its stream has hung up', async () => {
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    const locating = locate(
      {
        name: 'endless',
        open: async function* (options) {
          signal = options.signal;
          yield Buffer.alloc(100_000, 1);
          await new Promise(() => undefined);
        },
      },
      { signal: controller.signal },
    );
    const rejected = expect(locating).rejects.toThrow('enough');
    await expect.poll(openSpools).toBe(1);
    controller.abort(new Error('enough'));
    await rejected;
    expect(signal?.aborted).toBe(true);
    expect(await openSpools()).toBe(0);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('closes the stream of a custom shard that fails to be written', async () => {
    let closed = false;
    vi.stubEnv('TMPDIR', '/dev/null/none');
    const open = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(1000, 1));
      } finally {
        closed = true;
      }
    };
    await expect(locate({ name: 'x', open })).rejects.toMatchObject({ code: 'WDS_SPOOL' });
    // Nothing was asked of it yet, so there was nothing to close.
    expect(closed).toBe(false);
  });
});

describe('a compressed shard that is damaged', () => {
  const noise = Buffer.from(Array.from({ length: 200_000 }, (_, index) => Math.imul(index, 2654435761) >>> 24));

  it.each<[string, string, (bytes: Buffer) => Buffer, string, RegExp]>([
    ['cut off', 'gzip', (bytes) => bytes.subarray(0, bytes.length - 5), 'WDS_TRUNCATED', /gzip stream has no end/],
    ['cut off early', 'gzip', (bytes) => bytes.subarray(0, 12), 'WDS_TRUNCATED', /gzip stream has no end/],
    ['with a wrong checksum', 'gzip', (bytes) => flipped(bytes, bytes.length - 6), 'WDS_DECOMPRESS', /damaged: incorrect data check/],
    ['with data behind it', 'gzip', (bytes) => Buffer.concat([bytes, Buffer.from('\0\0garbage')]), 'WDS_DECOMPRESS', /data after its end/],
    ['with a member cut off', 'gzip', (bytes) => Buffer.concat([bytes, bytes.subarray(0, 30)]), 'WDS_TRUNCATED', /has no end/],
    ['cut off', 'zstd', (bytes) => bytes.subarray(0, bytes.length - 5), 'WDS_TRUNCATED', /zstd stream has no end/],
    ['with a frame cut off', 'zstd', (bytes) => Buffer.concat([bytes, bytes.subarray(0, 30)]), 'WDS_TRUNCATED', /has no end/],
    ['with data behind it', 'zstd', (bytes) => Buffer.concat([bytes, Buffer.from('garbage')]), 'WDS_DECOMPRESS', /zstd stream is damaged/],
  ])('(%s, %s) is a typed error with shard and offset', async (_, kind, damage, code, message) => {
    const compressed = kind === 'gzip' ? gzipSync(noise) : zstdCompressSync(noise);
    const location = await inFile('x.tar.gz', damage(compressed));
    const expected = { code, shard: 'x.tar.gz', offset: expect.any(Number) as number, message: expect.stringMatching(message) as string };
    await expect(openShard(location)).rejects.toMatchObject(expected);
    expect(await openSpools()).toBe(0);
    await expect(collect(readTar(damage(compressed), { name: 'x.tar.gz' }))).rejects.toMatchObject({
      // The noise in it is no tar.
      code: expect.stringMatching(`${code}|WDS_BAD_HEADER`) as string,
    });
  });

  it('of several frames is put together, however its bytes arrive', async () => {
    const skippable = Buffer.from('502a4d1804000000aabbccdd', 'hex');
    const frame = fc.record({ start: fc.nat(100_000), length: fc.oneof(fc.nat(10), fc.nat(100_000)), skipped: fc.boolean() });
    const cuts = fc.array(fc.oneof(fc.constant(1), fc.nat(20), fc.nat(70_000)), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('gzip', 'zstd'),
        fc.array(frame, { minLength: 1, maxLength: 4 }),
        cuts,
        async (kind, frames, sizes) => {
          const parts = frames.map(({ start, length }) => noise.subarray(start, start + length));
          const compressed = Buffer.concat(
            frames.flatMap(({ skipped }, index) => {
              const part = parts[index]!;
              return kind === 'gzip' ? [gzipSync(part)] : [...(skipped ? [skippable] : []), zstdCompressSync(part)];
            }),
          );
          const open = async function* (): AsyncGenerator<Uint8Array> {
            for (let at = 0, turn = 0; at < compressed.length; turn++) {
              // A crumb now and then, but not tens of thousands.
              const size = turn < 300 ? Math.max(1, sizes[turn % sizes.length]!) : 50_000;
              yield await Promise.resolve(compressed.subarray(at, at + size));
              at += size;
            }
          };
          await using located = await locate({ name: 'x', open });
          await using bytes = await openShard(located.location);
          expect((await bytes.read(Buffer.alloc(bytes.size), 0)).equals(Buffer.concat(parts))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(['bzip2', 'xz'])('(%s) is refused by name, with what to do', async (kind) => {
    const module = kind === 'xz' ? 'lzma' : 'bz2';
    const text = python(
      `import base64, ${module}, json; print(json.dumps(base64.b64encode(${module}.compress(bytes(5000))).decode()))`,
      null,
    );
    const location = await inFile('x.tar', Buffer.from(text as string, 'base64'));
    await expect(openShard(location)).rejects.toMatchObject({
      code: 'WDS_UNSUPPORTED',
      message: expect.stringContaining(`compressed with ${kind}; decompress it first, or use gzip or zstd`) as string,
    });
  });
});

describe('a custom shard', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['fails to open', () => Promise.reject(new Error('no key')), /cannot read the shard: no key/],
    [
      'throws',
      () => {
        throw new Error('no key');
      },
      /cannot read the shard: no key/,
    ],
    [
      'fails in the middle',
      async function* () {
        yield await Promise.resolve(Buffer.alloc(5));
        throw new Error('gone');
      },
      /at byte 5: cannot read the shard: gone/,
    ],
    [
      'gives text',
      async function* () {
        yield await Promise.resolve('text');
      },
      /gives no bytes; open it without an encoding/,
    ],
    ['gives nothing that is read', () => 42, /cannot read the shard/],
  ])('that %s is WDS_READ with its name', async (_, open, message) => {
    const shard = { name: 'mine', open: open as () => Uint8Array };
    const expected = { code: 'WDS_READ', shard: 'mine', message: expect.stringMatching(message) as string };
    await expect(locate(shard)).rejects.toMatchObject(expected);
    await expect(collect(readTar(shard))).rejects.toMatchObject(expected);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexShard } from '../src/shard-index/index-shard.ts';
import { parseIndex } from '../src/shard-index/index-text.ts';
import { type SampleToWrite, ShardWriter, type ShardWriterOptions, type WrittenShard } from '../src/shard-writer.ts';
import { removeAbandoned, temporaryName } from '../src/temporary-files.ts';
import { namesIn } from './command.ts';
import { temporaryFolder } from './support.ts';

async function write(samples: readonly SampleToWrite[], options: ShardWriterOptions): Promise<readonly WrittenShard[]> {
  await using writer = new ShardWriter(options);
  for (const sample of samples) await writer.write(sample);
  return await writer.close();
}

const numbered = (count: number): SampleToWrite[] =>
  Array.from({ length: count }, (_, index) => ({ __key__: `k${index}`, cls: index, txt: 't'.repeat(index) }));

describe('the index that ShardWriter writes', () => {
  it('is the one that a pass over the shard finds, long names and times before 1970 included', async () => {
    const key = fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '漢', '_'), minLength: 1, maxLength: 90 }), {
      minLength: 1,
      maxLength: 4,
    });
    const sample = fc.record({ key: key.map((parts) => parts.join('/')), bin: fc.uint8Array({ maxLength: 1500 }), cls: fc.nat() });
    for (const [run, samples] of fc.sample(fc.array(sample, { minLength: 1, maxLength: 12 }), { numRuns: 30, seed: 4 }).entries()) {
      await using folder = await temporaryFolder();
      const unique = samples.filter(({ key: one }, index) => samples.findIndex((other) => other.key === one) === index);
      const shards = await write(
        unique.map(({ key: name, ...fields }) => ({ __key__: name, ...fields })),
        { directory: folder.path, maxCount: 5, mtime: run % 2 === 0 ? 0 : -1 },
      );
      for (const { path, indexPath } of shards) {
        expect(parseIndex(await readFile(indexPath!, 'utf8'))).toEqual(await indexShard(path));
      }
    }
  });

  it('is left out where the format cannot hold it, or it is not wanted, and an older one goes', async () => {
    await using folder = await temporaryFolder();
    const directory = folder.path;
    for (const [samples, options] of [
      [[{ __key__: 'a b', txt: 'x' }], {}],
      [numbered(1), { index: false }],
    ] as const) {
      await write(numbered(2), { directory });
      expect(await namesIn(directory)).toEqual(['shard-000000.idx', 'shard-000000.tar']);
      expect(await write(samples, { directory, ...options })).toMatchObject([{ indexPath: undefined }]);
      expect(await namesIn(directory)).toEqual(['shard-000000.tar']);
    }
  });

  it('never lies beside a shard that it was not made for, whatever the moment of looking', async () => {
    await using folder = await temporaryFolder();
    const directory = folder.path;
    await write(numbered(1), { directory });
    const looked: string[] = [];
    const done = new AbortController();
    const watch = (async () => {
      while (!done.signal.aborted) {
        // First the index and then the shard, as a reader does; a change between the two is looked at again.
        const before = await readFile(join(directory, 'shard-000000.idx'), 'utf8').catch(() => undefined);
        const size = (await stat(join(directory, 'shard-000000.tar'))).size;
        const after = await readFile(join(directory, 'shard-000000.idx'), 'utf8').catch(() => undefined);
        if (before === after && before !== undefined) looked.push(`${before.split('\n')[0]!} ${size}`);
      }
    })();
    const sizes = new Set<string>();
    for (let count = 1; count <= 40; count++) {
      const [shard] = await write(numbered(count), { directory });
      sizes.add(`v1.2 ${count} ${shard!.size}`);
    }
    done.abort();
    await watch;
    expect(looked.length).toBeGreaterThan(0);
    expect(looked.filter((pair) => !sizes.has(pair))).toEqual([]);
  });
});

describe('ShardWriter', () => {
  it.each([
    ['x-%d.tar.gz', gunzipSync],
    ['x-%d.tgz', gunzipSync],
    ['x-%d.tar.zst', zstdDecompressSync],
  ])(
    'compresses what its pattern %s asks for: one stream, the same bytes each time, of the shard as it would be',
    async (pattern, decompress) => {
      await using one = await temporaryFolder();
      await using two = await temporaryFolder();
      const samples = [...numbered(20), { __key__: 'large', bin: Buffer.alloc(9 * 1024 * 1024, 'pattern') }];
      const [plain] = await write(samples, { directory: one.path });
      const [packed] = await write(samples, { directory: one.path, pattern, fsync: true });
      const [again] = await write(samples, { directory: two.path, pattern });
      expect(packed).toMatchObject({ indexPath: undefined, samples: 21, size: plain!.size });
      const bytes = await readFile(packed!.path);
      expect(bytes.equals(await readFile(again!.path))).toBe(true);
      expect(decompress(bytes).equals(await readFile(plain!.path))).toBe(true);
      if (pattern.endsWith('z')) {
        // The mode in which Python webdataset reads, which takes no second gzip member.
        const program = `import sys, tarfile\nprint(sum(m.size for m in tarfile.open(sys.argv[1], 'r|gz')))`;
        const listed = Number(execFileSync('python3', ['-c', program, packed!.path]));
        const { samples: indexed } = await indexShard(plain!.path);
        const sizes = indexed.flatMap(({ fields }) => [...fields.values()].map(({ size }) => size));
        expect(listed).toBe(sizes.reduce((sum, size) => sum + size, 0));
      }
    },
  );

  it('removes a compressed shard that is not complete', async () => {
    await using folder = await temporaryFolder();
    const fail = async (): Promise<void> => {
      await using writer = new ShardWriter({ directory: folder.path, pattern: 'x-%d.tar.gz' });
      await writer.write({ __key__: 'a', bin: Buffer.alloc(6 * 1024 * 1024) });
      throw new Error('the program failed');
    };
    await expect(fail()).rejects.toThrow('the program failed');
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('leaves out what readers add to samples', async () => {
    await using folder = await temporaryFolder();
    const [shard] = await write([{ __key__: 'a', __url__: 'x.tar', txt: 'x' }], { directory: folder.path });
    expect((await indexShard(shard!.path)).samples.map(({ fields }) => [...fields.keys()])).toEqual([['txt']]);
  });
});

describe('what a killed writer left', () => {
  it('is removed by the next one, but not what lives or belongs to others', async () => {
    await using folder = await temporaryFolder();
    const directory = folder.path;
    const child = `const { temporaryName } = await import(${JSON.stringify(new URL('../src/temporary-files.ts', import.meta.url).href)});
      console.log(JSON.stringify([await temporaryName('shard-000003.tar'), await temporaryName('shard-000003.idx'), await temporaryName('other.tar')]));`;
    const [shard, index, other] = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', child]).toString()) as string[];
    const living = await temporaryName('shard-000004.tar');
    const elsewhere = shard!.replace(/\.[0-9a-f]{8}-/, '.00000000-');
    for (const name of [shard!, index!, other!, living, elsewhere]) await writeFile(join(directory, name), '');
    await mkdir(join(directory, '.shard-000000.tar.tmp'));
    await write(numbered(1), { directory });
    expect(await namesIn(directory)).toEqual(
      [other!, living, elsewhere, '.shard-000000.tar.tmp', 'shard-000000.idx', 'shard-000000.tar'].sort(),
    );
  });

  it('is removed after a day, whoever left it', async () => {
    await using folder = await temporaryFolder();
    const [young, old] = ['.x.00000000-1-aaaaaaaaaaaa.tmp', '.x.00000000-2-bbbbbbbbbbbb.tmp'];
    await writeFile(join(folder.path, young), '');
    await mkdir(join(folder.path, old));
    await writeFile(join(folder.path, old, 'inside'), '');
    const now = Date.now();
    await utimes(join(folder.path, old), new Date(0), new Date(now - 25 * 3600 * 1000));
    await removeAbandoned(folder.path, (name) => name === 'x', now);
    expect(await readdir(folder.path)).toEqual([young]);
    await removeAbandoned(join(folder.path, 'missing'), () => true);
  });
});

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupSamples } from '../src/sample.ts';
import { type SampleToWrite, ShardWriter, type WrittenShard } from '../src/shard-writer.ts';
import { readTar } from '../src/tar/reader.ts';
import { temporaryFolder } from './support.ts';
import { pythonListings } from './tar-oracles.ts';

async function write(
  samples: readonly SampleToWrite[],
  options: Omit<ConstructorParameters<typeof ShardWriter>[0], 'directory'> & { directory: string },
): Promise<readonly WrittenShard[]> {
  await using writer = new ShardWriter(options);
  for (const sample of samples) await writer.write(sample);
  return await writer.close();
}

async function readBack(paths: readonly string[]): Promise<Record<string, string>[]> {
  const samples = [];
  for (const path of paths) {
    for await (const { key, fields } of groupSamples(readTar(path), path)) {
      samples.push({ __key__: key, ...Object.fromEntries([...fields].map(([field, { data }]) => [field, data.toString('latin1')])) });
    }
  }
  return samples;
}

const numbered = (count: number): SampleToWrite[] =>
  Array.from({ length: count }, (_, index) => ({ __key__: `k${index}`, cls: index, txt: 't' }));

describe('ShardWriter', () => {
  it('writes what reads back, here and in Python', async () => {
    await using folder = await temporaryFolder();
    const key = fc
      .array(fc.string({ unit: fc.constantFrom('a', 'B', '7', '_', '-', 'ü', '漢', ' '), minLength: 1, maxLength: 40 }), {
        minLength: 1,
        maxLength: 4,
      })
      .map((parts) => parts.join('/'));
    const samples = fc
      .sample(fc.record({ key, jpg: fc.uint8Array({ maxLength: 2000 }), txt: fc.string(), cls: fc.integer() }), { numRuns: 200, seed: 2 })
      .filter(({ key: name }, index, all) => all.findIndex((other) => other.key === name) === index)
      .map(({ key: name, ...fields }) => ({ __key__: name, ...fields }));
    const shards = await write(samples, { directory: folder.path, maxCount: 50 });
    const paths = shards.map(({ path }) => path);
    expect(shards.map((shard) => shard.samples)).toEqual([50, 50, 50, samples.length - 150]);
    expect(await readBack(paths)).toEqual(
      samples.map((sample) => ({
        __key__: sample.__key__,
        cls: String(sample.cls),
        jpg: Buffer.from(sample.jpg).toString('latin1'),
        txt: Buffer.from(sample.txt).toString('latin1'),
      })),
    );
    expect(
      pythonListings(paths)
        .flat()
        .map(({ name }) => name),
    ).toEqual(samples.flatMap(({ __key__ }) => ['cls', 'jpg', 'txt'].map((field) => `${__key__}.${field}`)));
    for (const { path, size } of shards) expect((await stat(path)).size).toBe(size);
  });

  it('starts a new shard before it would be too large, and puts a larger sample alone', async () => {
    await using folder = await temporaryFolder();
    const samples: SampleToWrite[] = [100, 3000, 3000, 20_000, 100, 100].map((size, index) => ({
      __key__: `k${index}`,
      bin: Buffer.alloc(size),
    }));
    const shards = await write(samples, { directory: folder.path, maxSize: 8192 });
    expect(shards.map((shard) => shard.samples)).toEqual([2, 1, 1, 2]);
    for (const { size, samples: count } of shards) expect(size <= 8192 || count === 1).toBe(true);
  });

  it('ends a shard when it is asked to', async () => {
    await using folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path });
    await writer.endShard();
    for (const sample of numbered(2)) {
      await writer.write(sample);
      await writer.endShard();
    }
    await writer.endShard();
    expect((await writer.close()).map(({ samples }) => samples)).toEqual([1, 1]);
    await expect(writer.endShard()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
  });

  it('numbers shards by its pattern, and tells each one when it is complete', async () => {
    await using folder = await temporaryFolder();
    const told: WrittenShard[] = [];
    const shards = await write(numbered(5), {
      directory: folder.path,
      pattern: 'part-%03d-x.tar',
      firstShard: 9,
      maxCount: 2,
      fsync: true,
      onShard: async (shard) => {
        expect((await readBack([shard.path])).length).toBe(shard.samples);
        told.push(shard);
      },
    });
    expect((await readdir(folder.path)).filter((name) => name.endsWith('.tar')).sort()).toEqual([
      'part-009-x.tar',
      'part-010-x.tar',
      'part-011-x.tar',
    ]);
    expect(await Promise.all(shards.map(async ({ indexPath }) => readFile(indexPath!, 'utf8')))).toHaveLength(3);
    expect(told).toEqual(shards);
  });

  it('gives the same bytes for the same samples, at any time and from any order of fields', async () => {
    await using one = await temporaryFolder();
    await using two = await temporaryFolder();
    const [first] = await write([{ __key__: 'a', jpg: Buffer.from('x'), cls: 1 }], { directory: one.path });
    const [second] = await write([{ __key__: 'a', cls: 1, jpg: Buffer.from('x') }], { directory: two.path });
    const bytes = await readFile(first!.path);
    expect(bytes.equals(await readFile(second!.path))).toBe(true);
    // The format itself: a change of these bytes would make all data sets differ from those written before.
    expect(createHash('sha256').update(bytes).digest('hex')).toBe('75590687bdef9fd54891e359e9b4408cf1a0d5816b2bfdf3b1562edf4b88b0b2');
  });

  it('copies what it is given: a caller may use its buffer again', async () => {
    await using folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path });
    const buffer = Buffer.alloc(3);
    for (const [index, fill] of ['a', 'b', 'c'].entries()) await writer.write({ __key__: `k${index}`, txt: buffer.fill(fill) });
    const [shard] = await writer.close();
    expect((await readBack([shard!.path])).map(({ txt }) => txt)).toEqual(['aaa', 'bbb', 'ccc']);
  });

  it('leaves nothing behind that is not complete', async () => {
    await using folder = await temporaryFolder();
    const failing = async (): Promise<void> => {
      await using writer = new ShardWriter({ directory: folder.path, maxCount: 2 });
      for (const sample of numbered(3)) await writer.write(sample);
      expect((await readdir(folder.path)).filter((name) => !name.startsWith('.')).sort()).toEqual(['shard-000000.idx', 'shard-000000.tar']);
      throw new Error('the program failed');
    };
    await expect(failing()).rejects.toThrow('the program failed');
    expect((await readdir(folder.path)).sort()).toEqual(['shard-000000.idx', 'shard-000000.tar']);
  });

  it('writes no shard for no samples', async () => {
    await using folder = await temporaryFolder();
    expect(await write([], { directory: folder.path })).toEqual([]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it.each([
    ['', 'jpg'],
    ['a.b', 'jpg'],
    ['a/.b', 'jpg'],
    ['.a', 'jpg'],
    ['a/', 'jpg'],
    ['/a', 'jpg'],
    ['a//b', 'jpg'],
    ['../a', 'jpg'],
    ['a/../b', 'jpg'],
    ['./a', 'jpg'],
    ['__meta__/a', 'jpg'],
    ['__a', 'b__'],
    ['a\0b', 'jpg'],
    ['a\nb', 'jpg'],
    ['a', 'JPG'],
    ['a', 'x/y'],
    ['a', 'j\0g'],
  ])('refuses key %j with field %j, which would not read back', async (key, field) => {
    await using folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path });
    await expect(writer.write({ __key__: key, [field]: 'x' })).rejects.toMatchObject({ code: 'WDS_BAD_SAMPLE', key });
    await writer.write({ __key__: 'good', txt: 'x' });
    expect((await writer.close())[0]).toMatchObject({ samples: 1 });
  });

  it('refuses a key that was written before, a sample without fields, and writing two at a time or after the end', async () => {
    await using folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path });
    await writer.write({ __key__: 'a', cls: 1 });
    await expect(writer.write({ __key__: 'a', cls: 2 })).rejects.toMatchObject({ code: 'WDS_BAD_SAMPLE' });
    await expect(writer.write({ __key__: 'b' })).rejects.toMatchObject({ code: 'WDS_BAD_SAMPLE' });
    const first = writer.write({ __key__: 'c', cls: 1 });
    await expect(writer.write({ __key__: 'd', cls: 1 })).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await first;
    await writer.close();
    await expect(writer.write({ __key__: 'e', cls: 1 })).rejects.toMatchObject({ code: 'WDS_CLOSED' });
  });

  it('refuses options that cannot work, and reports what the disk refuses', async () => {
    await using folder = await temporaryFolder();
    expect(() => new ShardWriter({ directory: folder.path, pattern: 'x.tar' })).toThrow(RangeError);
    expect(() => new ShardWriter({ directory: folder.path, pattern: '%d-%d.tar' })).toThrow(RangeError);
    expect(() => new ShardWriter({ directory: folder.path, maxCount: 0 })).toThrow(RangeError);
    expect(() => new ShardWriter({ directory: folder.path, maxSize: Number.NaN })).toThrow(RangeError);
    await expect(write(numbered(1), { directory: join(folder.path, 'none') })).rejects.toMatchObject({
      code: 'WDS_WRITE',
      cause: { code: 'ENOENT' },
    });
  });
});

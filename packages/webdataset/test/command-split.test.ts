import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { contentsOf, gnuTar, jsonLines, namesIn, start, until, webdataset, writeShards } from './command.ts';
import { temporaryFolder } from './support.ts';

interface ListedSample {
  readonly key: string;
  readonly shard: string;
  readonly fields: Record<string, number>;
}

async function list(spec: string): Promise<ListedSample[]> {
  return jsonLines((await webdataset(['ls', spec, '--json'])).stdout) as ListedSample[];
}

const SAMPLES = 100;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let source: string;
let all: ListedSample[];

beforeAll(async () => {
  folder = await temporaryFolder();
  source = join(folder.path, 'source');
  await mkdir(source);
  await writeShards(
    Array.from({ length: SAMPLES }, (_, index) => ({ __key__: `k/${index}`, cls: index % 3, bin: Buffer.alloc(index * 20, index) })),
    { directory: source, maxCount: 40 },
  );
  all = await list(source);
});
afterAll(() => folder[Symbol.asyncDispose]());

const withoutShard = (samples: readonly ListedSample[]): unknown[] => samples.map(({ key, fields }) => ({ key, fields }));

describe('webdataset split', () => {
  it('repacks into shards of a given number, equal up to one, in the same order', async () => {
    const out = join(folder.path, 'seven');
    const { code, stdout } = await webdataset(['split', source, '--out', out, '--into', '7']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^wrote 100 samples \(bin 100, cls 100\) in 7 shards, [\d.]+ KiB, in .*seven\n$/);
    const samples = await list(out);
    expect(withoutShard(samples)).toEqual(withoutShard(all));
    const counts = Object.values(Object.groupBy(samples, ({ shard }) => shard)).map((group) => group!.length);
    expect(counts.sort()).toEqual([14, 14, 14, 14, 14, 15, 15]);
    expect(await webdataset(['validate', out])).toMatchObject({ code: 0 });
  });

  it('repacks by count and size, with the same bytes each time', async () => {
    const [one, two] = [join(folder.path, 'one'), join(folder.path, 'two')];
    for (const out of [one, two]) {
      expect(await webdataset(['split', source, '--out', out, '--max-count', '30', '--max-size', '32KiB'])).toMatchObject({ code: 0 });
    }
    const contents = await contentsOf(one);
    expect(await contentsOf(two)).toEqual(contents);
    for (const [name, bytes] of contents) if (name.endsWith('.tar')) expect(bytes.length).toBeLessThanOrEqual(32 * 1024);
    expect(withoutShard(await list(one))).toEqual(withoutShard(all));
  });

  it('parts samples by their keys alone: the same ones whatever the shards, none lost, about the shares asked for', async () => {
    const [one, two] = [join(folder.path, 'parts'), join(folder.path, 'parts-again')];
    const args = ['--parts', 'train=0.7,val=0.2,test=0.1'];
    const { code, stdout } = await webdataset(['split', source, '--out', one, ...args, '--json']);
    expect(code).toBe(0);
    const { parts } = JSON.parse(stdout) as { parts: { part: string; samples: number; shards: { path: string; samples: number }[] }[] };
    expect(parts.map(({ part }) => part)).toEqual(['train', 'val', 'test']);
    await webdataset(['split', join(folder.path, 'seven'), '--out', two, ...args, '--into', '2']);
    const keys: string[] = [];
    for (const { part, samples } of parts) {
      const listed = await list(join(one, part));
      expect(listed).toHaveLength(samples);
      expect(withoutShard(await list(join(two, part)))).toEqual(withoutShard(listed));
      expect(await namesIn(join(two, part))).toEqual([0, 1].flatMap((number) => [`shard-00000${number}.idx`, `shard-00000${number}.tar`]));
      keys.push(...listed.map(({ key }) => key));
    }
    expect(keys.toSorted()).toEqual(all.map(({ key }) => key).toSorted());
    expect(parts[0]!.samples).toBeGreaterThan(55);
    expect(parts[0]!.samples).toBeLessThan(85);
  });

  it('has a short form for train and val, and another seed parts otherwise', async () => {
    const keysOf = async (out: string, ...args: string[]): Promise<string[]> => {
      await webdataset(['split', source, '--out', join(folder.path, out), ...args]);
      expect(await namesIn(join(folder.path, out))).toEqual(['train', 'val']);
      return (await list(join(folder.path, out, 'val'))).map(({ key }) => key);
    };
    const keys = await keysOf('short', '--train', '0.8');
    expect(await keysOf('long', '--parts', 'train=0.8,val=0.2')).toEqual(keys);
    expect(await keysOf('seeded', '--train', '0.8', '--seed', '1')).not.toEqual(keys);
  });

  it('takes shards packed by "tar cf x.tar ." too', async () => {
    const unpacked = join(folder.path, 'unpacked');
    await mkdir(unpacked);
    gnuTar('xf', join(source, 'shard-000000.tar'), '-C', unpacked);
    const packed = join(folder.path, 'dot.tar');
    gnuTar('cf', packed, '--sort=name', '-C', unpacked, '.');
    const out = join(folder.path, 'dotless');
    expect(await webdataset(['split', packed, '--out', out])).toMatchObject({ code: 0, stderr: '' });
    expect((await list(out)).map(({ key }) => key).toSorted()).toEqual(
      all
        .slice(0, 40)
        .map(({ key }) => key)
        .toSorted(),
    );
  });

  it.each([
    [['--into', '3', '--max-count', '5'], 2, /option '--into <n>' cannot be used with option '--max-count <n>'/],
    [['--into', '101'], 2, /USAGE: there are only 100 samples, which cannot fill 101 shards/],
    [['--parts', 'train=0.9'], 2, /Expected names and shares that add up to 1/],
    [['--parts', '../x=0.5,y=0.5'], 2, /Expected names and shares that add up to 1/],
    [['--train', '1.5'], 2, /Expected a share between 0 and 1/],
    [['--train', '0.5', '--parts', 'a=0.5,b=0.5'], 2, /USAGE: --train is short for --parts/],
  ])('refuses %j and makes nothing', async (args, exit, message) => {
    const out = join(folder.path, 'refused');
    const { code, stderr, stdout } = await webdataset(['split', source, '--out', out, ...args]);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await namesIn(out)).toEqual([]);
    expect(await namesIn(folder.path)).not.toContain('refused');
  });

  it('stops at the first fault of its input, and leaves nothing', async () => {
    const out = join(folder.path, 'twice');
    const { code, stderr } = await webdataset(['split', source, source, '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^webdataset: WDS_BAD_SAMPLE: .*sample "k\/0".*: the key was written before; keys must be unique\n$/);
    expect(await namesIn(folder.path)).not.toContain('twice');
  });

  it('leaves nothing after SIGTERM', async () => {
    const many = join(folder.path, 'many');
    await mkdir(many);
    await writeShards(
      Array.from({ length: 3000 }, (_, index) => ({ __key__: String(index), cls: 1 })),
      { directory: many },
    );
    const out = join(folder.path, 'stopped');
    await using running = start(['split', many, '--out', out, '--into', '1000', '--train', '0.5']);
    await until(async () => (await namesIn(out)).length > 0);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143, stdout: '' });
    expect(await namesIn(folder.path)).not.toContain('stopped');
  });
});

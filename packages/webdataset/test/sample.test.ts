import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupSamples, splitMemberName } from '../src/sample.ts';
import { loadSplitName } from '../src/split-name-module.ts';
import { readTar } from '../src/tar/reader.ts';
import type { TarMember } from '../src/tar/member.ts';
import { TarWriter } from '../src/tar/writer.ts';
import { collect, python } from './support.ts';

/** The rules once more, on names alone and with other means. A sample is [key, fields]; a duplicate field spoils the whole list. */
const REFERENCE = `
import itertools, json, re, sys
MEMBER = re.compile(r'((?:.*/)?[^./]+)[.]([^/]*)')
def is_meta(name):
    top = name.partition('/')[0]
    return len(top) >= 4 and top[:2] == top[-2:] == '__'
def samples(names):
    members = [match.groups() for match in (MEMBER.fullmatch(name) for name in names if not is_meta(name)) if match]
    grouped = [[key, [ext.lower() for _, ext in group]] for key, group in itertools.groupby(members, lambda member: member[0])]
    return 'duplicate' if any(len(set(exts)) < len(exts) for _, exts in grouped) else grouped
json.dump([samples(names) for names in json.load(sys.stdin)], sys.stdout)
`;

function fileMember(name: string, type: TarMember['type'] = 'file'): { member: TarMember } {
  return { member: { name, type, size: 0, offset: 512, headerOffset: 0, mode: 0o644, mtime: 0, linkName: '' } };
}

async function group(names: readonly string[]): Promise<unknown> {
  try {
    const samples = await collect(
      groupSamples(
        names.map((name) => fileMember(name)),
        'shard.tar',
      ),
    );
    return samples.map(({ key, fields }) => [key, [...fields.keys()]]);
  } catch (error) {
    expect(error).toMatchObject({ code: 'WDS_DUPLICATE_FIELD', shard: 'shard.tar' });
    return 'duplicate';
  }
}

describe('groupSamples', () => {
  it('groups any list of names by the rules of Python webdataset', async () => {
    const base = fc.constantFrom('a', 'b', '0001', 'a.b', '__meta__', '__x', '___', 'A', 'ü');
    const folder = fc.constantFrom('', '', 'd/', 'd/e/', './', 'x.y/', '__m__/', 'd/__m__/', '/');
    const extension = fc.constantFrom('', '.jpg', '.JPG', '.cls', '.seg.png', '.', '..', '.json');
    const name = fc.tuple(folder, base, extension).map((parts) => parts.join(''));
    const common = fc.constantFrom('a.jpg', 'a.cls', 'a.JPG', 'b.jpg', 'b.cls', '.hidden', '.jpg', 'd/');
    const lists = fc.sample(fc.array(fc.oneof(name, common), { maxLength: 10 }), { numRuns: 3000, seed: 4 });
    const expected = python(REFERENCE, lists) as unknown[];
    expect(expected.filter((samples) => samples === 'duplicate').length).toBeGreaterThan(50);
    for (const [index, names] of lists.entries()) expect(await group(names), JSON.stringify(names)).toEqual(expected[index]);
  });

  it.each([
    ['a.jpg', 'a', 'jpg'],
    ['dir.x/a.seg.PNG', 'dir.x/a', 'seg.png'],
    ['./a.cls', './a', 'cls'],
    ['a.', 'a', ''],
  ])('takes %s apart', (name, key, field) => {
    expect(splitMemberName(name)).toEqual({ key, field });
  });

  it.each(['README', '.hidden', 'dir/.hidden.jpg', '__meta__/a.jpg', '__a.b__', 'dir.x/README'])('passes over %s', (name) => {
    expect(splitMemberName(name)).toBeUndefined();
  });

  it('takes files only, and only neighbours as one sample', async () => {
    const members = [
      fileMember('a.jpg'),
      fileMember('a.d', 'directory'),
      fileMember('a.l', 'symlink'),
      fileMember('a.cls'),
      fileMember('b.jpg'),
      fileMember('a.txt'),
    ];
    const samples = await collect(groupSamples(members, 'shard.tar'));
    expect(samples.map(({ key, fields }) => [key, [...fields.keys()]])).toEqual([
      ['a', ['jpg', 'cls']],
      ['b', ['jpg']],
      ['a', ['txt']],
    ]);
  });

  it('groups by a rule of names of your own, from a module as well', async () => {
    // Base names with dots in them: the key ends at the last one.
    const splitName = await loadSplitName(new URL('./split-at-last-dot.ts', import.meta.url).href);
    const names = ['a.b.jpg', 'a.b.cls', 'a.c.jpg', '__meta__/x.jpg', 'README'];
    const samples = await collect(
      groupSamples(
        names.map((name) => fileMember(name)),
        'shard.tar',
        splitName,
      ),
    );
    expect(samples.map(({ key, fields }) => [key, [...fields.keys()]])).toEqual([
      ['a.b', ['jpg', 'cls']],
      ['a.c', ['jpg']],
      ['__meta__/x', ['jpg']],
    ]);
  });

  it('says what is wrong with a module that is no rule of names', async () => {
    const missing = new URL('./not-there.ts', import.meta.url).href;
    await expect(loadSplitName(missing)).rejects.toThrow(`cannot import the rule of names ${missing}: `);
    const support = new URL('./support.ts', import.meta.url).href;
    await expect(loadSplitName(support)).rejects.toThrow(`the default export of ${support} must be a function`);
  });

  it('names key and extension of a duplicate', async () => {
    const names = ['a.jpg', 'b.cls', 'b.CLS'];
    await expect(
      collect(
        groupSamples(
          names.map((name) => fileMember(name)),
          'shard.tar',
        ),
      ),
    ).rejects.toMatchObject({
      code: 'WDS_DUPLICATE_FIELD',
      key: 'b',
      message: 'shard.tar, sample "b", at byte 0: the sample has two members with the extension "cls"',
    });
  });

  it('gives the data of each field', async () => {
    const pieces: Uint8Array[] = [];
    const writer = new TarWriter((bytes) => void pieces.push(bytes));
    for (const name of ['1.jpg', '1.cls', '2.jpg']) await writer.add({ name, data: Buffer.from(`data of ${name}`) });
    await writer.close();
    const samples = await collect(groupSamples(readTar(Buffer.concat(pieces)), 'shard.tar'));
    expect(samples.map(({ key, fields }) => [key, fields.get('cls')?.data.toString()])).toEqual([
      ['1', 'data of 1.cls'],
      ['2', undefined],
    ]);
  });
});

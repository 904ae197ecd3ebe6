import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebDatasetError } from '../src/errors.ts';
import { IndexBuilder } from '../src/shard-index/index-builder.ts';
import { indexShard } from '../src/shard-index/index-shard.ts';
import { formatIndex, isIndexable, outlineIndex, parseIndex } from '../src/shard-index/index-text.ts';
import type { ShardIndex } from '../src/shard-index/shard-index.ts';
import { python, temporaryFolder } from './support.ts';
import { pythonPack } from './tar-oracles.ts';

/** `wds2idx` of DALI, retold: the lines that it writes for archives, from what Python's tarfile finds in them. */
const WDS2IDX = `
import json, sys, tarfile
def split_name(path):
    dot = path.find('.', path.rfind('/') + 1)
    return path[:dot], path[dot + 1:]
def index(path):
    samples, last = [], None
    for member in tarfile.open(path):
        if member.type != tarfile.REGTYPE:
            continue
        base, extension = split_name(member.name)
        if not base or base.endswith('/'):
            continue
        if base != last:
            samples.append([])
            last = base
        samples[-1].append((extension, member.offset_data, member.size, member.name))
    lines = [' '.join(' '.join(map(str, part)) for part in sample) for sample in samples]
    return 'v1.2 %d\\n' % len(samples) + ''.join(line + '\\n' for line in lines)
json.dump([index(path) for path in json.load(sys.stdin)], sys.stdout)
`;

/** Names of members, of few samples and extensions, so that they repeat. */
const memberName = fc
  .tuple(
    fc.constantFrom('', 'train/', 'a.b/', './', `${'d'.repeat(60)}/${'e'.repeat(60)}/`),
    fc.constantFrom('0001', '0002', 'käse', 'k-_+', '日本'),
    fc.constantFrom('jpg', 'cls', 'JPG', 'seg.png', '.cls'),
  )
  .map(([folder, base, extension]) => `${folder}${base}.${extension}`);

const file = fc.record({
  name: memberName,
  data: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  mtime: fc.constantFrom(0, 1_700_000_000, 1_700_000_000.25),
});

describe('the index of a shard', () => {
  it('is, to the letter, that of wds2idx, and tells where the bytes are', async () => {
    await using folder = await temporaryFolder();
    const archives = fc
      .sample(fc.record({ format: fc.constantFrom(0, 1, 2), files: fc.array(file, { minLength: 1, maxLength: 12 }) }), {
        numRuns: 60,
        seed: 7,
      })
      .map((archive, number) => ({ ...archive, path: join(folder.path, `${number}.tar`) }));
    const listings = pythonPack(archives);
    const paths = archives.map(({ path }) => path);
    const expected = python(WDS2IDX, paths) as string[];
    let fields = 0;
    for (const [number, path] of paths.entries()) {
      const index = await indexShard(path);
      expect(formatIndex(index)).toBe(expected[number]);
      expect(parseIndex(expected[number]!)).toEqual(index);
      const bytes = await readFile(path);
      const members = [...listings[number]!];
      for (const sample of index.samples) {
        const places = [...sample.fields.values(), ...(sample.duplicates ?? [])].sort((one, other) => one.offset - other.offset);
        for (const { offset, size, name } of places) {
          const member = members.shift();
          expect(name).toBe(member?.name);
          expect(bytes.subarray(offset, offset + size).toString('hex')).toBe(member?.data);
          fields++;
        }
      }
      expect(members).toEqual([]);
    }
    expect(fields).toBeGreaterThan(200);
  });

  it('counts the samples that readers find, where wds2idx counts others', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.tar');
    const names = [
      '__meta__/info.json',
      'README',
      'a.jpg',
      'LICENSE',
      'a.cls',
      'x/.hidden.jpg',
      '.hidden',
      'b.jpg',
      '__meta__/more.json',
      'b.CLS',
    ];
    pythonPack([{ path, format: 0, files: names.map((name) => ({ name, data: '00', mtime: 0 })) }]);
    const [text] = python(WDS2IDX, [path]) as [string];
    expect(text).toMatch(/^v1\.2 8\n/);
    const index = parseIndex(text);
    expect(index).toEqual(await indexShard(path));
    expect(index.samples.map(({ key, fields }) => [key, [...fields.keys()]])).toEqual([
      ['a', ['jpg', 'cls']],
      ['b', ['jpg', 'cls']],
    ]);
  });

  it('has the samples of the rule that it is asked for', () => {
    const text = 'v1.2 2\njpg 512 1 a/1.jpg\ncls 1536 1 a/2.cls\n';
    const splitName = (name: string): { key: string; field: string } => ({
      key: name.slice(0, name.indexOf('/')),
      field: name.slice(name.indexOf('.') + 1),
    });
    expect(parseIndex(text).samples.map(({ key }) => key)).toEqual(['a/1', 'a/2']);
    const whole = formatIndex(parseIndex(text, { splitName }));
    expect(whole).toMatch(/^v1\.2 1\n/);
    expect(parseIndex(whole, { splitName })).toEqual(parseIndex(text, { splitName }));
    expect(parseIndex(text, { splitName }).samples.map(({ key, fields }) => [key, [...fields.keys()]])).toEqual([['a', ['jpg', 'cls']]]);
  });
});

describe('the text of an index', () => {
  /** Any index, by the builder's rules. */
  const anyIndex = fc.array(fc.tuple(memberName, fc.nat(5000)), { maxLength: 20 }).map((members): ShardIndex => {
    const builder = new IndexBuilder('x');
    let offset = 0;
    for (const [name, size] of members) {
      offset += 512;
      builder.push({ name, offset, size, type: 'file', headerOffset: offset - 512, mode: 0, mtime: 0, linkName: '' });
      offset += Math.ceil(size / 512) * 512;
    }
    return builder.finish();
  });

  it('comes back as the index that it was made of', () => {
    fc.assert(
      fc.property(anyIndex, (index) => {
        expect(parseIndex(formatIndex(index))).toEqual(index);
      }),
    );
  });

  it('is counted by its ends, if it is one of our own', () => {
    fc.assert(
      fc.property(anyIndex, (index) => {
        const { samples, ends } = outlineIndex(formatIndex(index));
        expect(samples).toBe(index.samples.length);
        expect(ends.samples).toEqual(samples <= 2 ? index.samples : [index.samples[0], index.samples.at(-1)]);
      }),
    );
    const three = 'v1.1 3\na 512 1\nb 1536 1\nc 2560 1\n';
    expect(outlineIndex(three).samples).toBe(3);
    for (const text of [
      '',
      'v1.1 3',
      three.slice(0, -1),
      three.replace('v1.1 3', 'v1.1 4'),
      three.replace('c 2560', 'c 51'),
      three.replace('a 512', 'a x'),
    ]) {
      expect(() => outlineIndex(text), JSON.stringify(text)).toThrow(expect.objectContaining({ code: 'WDS_BAD_INDEX' }));
    }
  });

  it('has a form without names, v1.1', () => {
    const text = 'v1.1 2\njpg 512 700 cls 2048 1\njpg 3072 5 jpg 4096 5\n';
    const index = parseIndex(text);
    expect(index).toEqual({
      samples: [
        {
          fields: new Map([
            ['jpg', { offset: 512, size: 700 }],
            ['cls', { offset: 2048, size: 1 }],
          ]),
        },
        { fields: new Map([['jpg', { offset: 3072, size: 5 }]]), duplicates: [{ field: 'jpg', offset: 4096, size: 5 }] },
      ],
    });
    expect(formatIndex(index)).toBe(text);
  });

  it('is refused with the line that is wrong', () => {
    const faults: [text: string, line: number, reason: RegExp][] = [
      ['', 1, /starts with/],
      ['v1.2 0', 1, /cut off/],
      ['v1.2 1\njpg 512 3 a.jpg', 2, /cut off/],
      ['v1.3 0\n', 1, /starts with "v1\.2"/],
      ['v1.2  1\n', 1, /starts with/],
      ['v1.2 1\r\njpg 512 3 a.jpg\r\n', 1, /starts with/],
      ['{"samples": []}\n', 1, /starts with/],
      ['v1.2 2\njpg 512 3 a.jpg\n', 1, /2 samples are announced, but 1 follow/],
      ['v1.2 0\njpg 512 3 a.jpg\n', 1, /0 samples are announced, but 1 follow/],
      ['v1.2 1\njpg 512 3 a b.jpg\n', 2, /extension, offset, size and name, with one blank/],
      ['v1.2 1\njpg 512 3 a.jpg \n', 2, /one blank/],
      ['v1.2 1\n\n', 2, /one blank/],
      ['v1.1 1\njpg 512 3 a.jpg\n', 2, /extension, offset and size, with/],
      ['v1.2 1\njpg x 3 a.jpg\n', 2, /"x" is no number/],
      ['v1.2 1\njpg 512 -3 a.jpg\n', 2, /"-3" is no number/],
      ['v1.2 1\njpg 512 1e3 a.jpg\n', 2, /"1e3" is no number/],
      ['v1.2 1\njpg 512 9007199254740993 a.jpg\n', 2, /is no number/],
      ['v1.2 1\njpg 512 9007199254740991 a.jpg\n', 2, /out of range/],
      ['v1.2 1\njpg 0 3 a.jpg\n', 2, /offset 0 is not where data can start/],
      ['v1.2 1\njpg 700 3 a.jpg\n', 2, /offset 700/],
      ['v1.2 2\njpg 512 600 a.jpg\njpg 1536 3 b.jpg\n', 3, /offset 1536/],
      ['v1.2 2\njpg 5120 3 a.jpg\njpg 512 3 b.jpg\n', 3, /offset 512/],
      ['v1.2 1\ncls 512 3 a.jpg\n', 2, /"cls" is not the extension of "a\.jpg"/],
      ['v1.2 1\njpg 512 3 a.jpg cls 1536 3 b.cls\n', 2, /differ in more than their extensions/],
      ['v1.2 1\njpg 512 3 a.jp\n', 2, /"jpg" is not the extension of "a\.jp"/],
    ];
    for (const [text, line, reason] of faults) {
      const parse = (): unknown => parseIndex(text, { name: 'a.idx' });
      expect(parse, JSON.stringify(text)).toThrow(expect.objectContaining({ code: 'WDS_BAD_INDEX', shard: 'a.idx' }));
      expect(parse).toThrow(reason);
      expect(parse, JSON.stringify(text)).toThrow(`a.idx: line ${line}: `);
    }
  });

  it('that is damaged is refused, or still one whose places lie one behind the other', () => {
    const damaged = fc
      .tuple(
        anyIndex,
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 3), fc.constantFrom(' ', '\n', '0', '9', 'a', '.', '/', '-', 'v1.1', '\0')), {
          minLength: 1,
          maxLength: 4,
        }),
      )
      .map(([index, edits]) => {
        let text = formatIndex(index);
        for (const [place, length, insert] of edits) {
          const at = place % (text.length + 1);
          text = text.slice(0, at) + insert + text.slice(at + length);
        }
        return text;
      });
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.string({ maxLength: 60 }),
          fc.string({ maxLength: 40 }).map((rest) => `v1.2 1\n${rest}\n`),
        ),
        (text) => {
          let index: ShardIndex;
          try {
            index = parseIndex(text);
          } catch (error) {
            expect(error).toBeInstanceOf(WebDatasetError);
            expect(error).toMatchObject({ code: 'WDS_BAD_INDEX', message: expect.stringMatching(/line \d+: /) as string });
            return;
          }
          accepted++;
          let end = 0;
          const places = index.samples.flatMap(({ fields, duplicates = [] }) => [...fields.values(), ...duplicates]);
          for (const { offset, size } of places.sort((one, other) => one.offset - other.offset)) {
            expect(offset).toBeGreaterThan(end);
            expect(offset % 512).toBe(0);
            expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
            end = offset + size;
          }
          expect(index.samples.length).toBeLessThanOrEqual(text.split('\n').length - 2);
        },
      ),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('refuses names that it cannot hold, and says what to do', () => {
    for (const name of ['a b.jpg', 'a.j pg', 'a\tb.jpg', 'a\nb.jpg', 'a.']) {
      expect(isIndexable(name)).toBe(false);
      const index = { samples: [{ key: 'k', fields: new Map([['jpg', { offset: 512, size: 1, name }]]) }] };
      expect(() => formatIndex(index)).toThrow(
        expect.objectContaining({ code: 'WDS_BAD_INDEX', key: 'k', message: expect.stringMatching(/pack the shard again/) as string }),
      );
    }
    expect(isIndexable('x/käse.seg.png')).toBe(true);
    expect(() => formatIndex({ samples: [{ fields: new Map([['', { offset: 512, size: 1 }]]) }] })).toThrow(/is empty or has a blank/);
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeFault } from '../src/decode/decode-fault.ts';
import { bytes, fromModule, image, integer, json, msgpack, npy, optional, text } from '../src/decode/decoders.ts';
import { decoderTable, DEFAULT_DECODERS, sourcesOf } from '../src/decode/default-decoders.ts';
import { FieldDecoders } from '../src/decode/field-decoders.ts';
import { contextOf, decodeOne, decodeTensor } from './decoding.ts';
import { makeJpeg, temporaryFolder } from './support.ts';

describe('integer', () => {
  it.each([
    ['3', 3],
    ['0012', 12],
    [' 7\n', 7],
    ['-1', -1],
    ['+5', 5],
    ['-0', 0],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
  ])('reads %j', async (written, value) => {
    expect(await decodeOne(integer(), written)).toBe(value);
    expect((await decodeTensor(integer(), Buffer.from(written))).readInt32LE()).toBe(value);
  });

  it.each(['', ' ', 'cat', '1.5', '1e3', '0x10', '3 4', '2147483648', 'NaN', '1'.repeat(100), ' '.repeat(100) + '1'])(
    'refuses %j',
    async (written) => {
      await expect(decodeOne(integer(), written)).rejects.toThrow(DecodeFault);
      await expect(decodeOne(integer(), written)).rejects.toThrow('is not an integer of 32 bits');
    },
  );
});

describe('text and JSON', () => {
  it('are UTF-8, a byte order mark left out', async () => {
    expect(await decodeOne(text(), 'grüße 🐘')).toBe('grüße 🐘');
    expect(await decodeOne(text(), '\uFEFFhello')).toBe('hello');
    expect(await decodeOne(text(), '')).toBe('');
    expect(await decodeOne(json(), '\uFEFF{"a":[1,null]}\n')).toEqual({ a: [1, null] });
  });

  it('refuse what is none', async () => {
    const latin1 = Buffer.from('grüße', 'latin1');
    await expect(decodeOne(text(), latin1)).rejects.toThrow(/not UTF-8 \(first bytes: 6772fcdf65\)/);
    await expect(decodeOne(json(), latin1)).rejects.toThrow(DecodeFault);
    await expect(decodeOne(json(), '{"a":')).rejects.toThrow(/it is no JSON: /);
    await expect(decodeOne(json(), '')).rejects.toThrow(DecodeFault);
  });
});

const packableValues = fc
  .jsonValue()
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter((value) => !JSON.stringify(value).includes('__proto__'));

describe('msgpack', () => {
  it('gives back what was packed', async () => {
    await fc.assert(
      // What packers write: no -0, which they make 0, and no "__proto__", which is refused.
      fc.asyncProperty(packableValues, async (value) => {
        expect(await decodeOne(msgpack(), Buffer.from(encode(value)))).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  it('keeps integers exact, as numbers wherever they fit', async () => {
    // What Python's msgpack writes for 2 ** 40 and 2 ** 60.
    expect(await decodeOne(msgpack(), Buffer.from('92cf0000010000000000cf1000000000000000', 'hex'))).toEqual([2 ** 40, 2n ** 60n]);
    expect(await decodeOne(msgpack(), Buffer.from('81a161d3ffffffffffffffff', 'hex'))).toEqual({ a: -1 });
  });

  it('has binary data in memory of its own', async () => {
    const packed = Buffer.from(encode({ data: Uint8Array.of(1, 2, 3) }));
    const decoders = await FieldDecoders.create({ field: msgpack() });
    const value = decoders.decodeValue('field', packed, contextOf());
    packed.fill(0);
    expect(value).toEqual({ data: Uint8Array.of(1, 2, 3) });
  });

  it('has its lengths checked for every type that there is', async () => {
    const values = [
      null,
      true,
      1,
      -1,
      -100,
      200,
      70_000,
      2 ** 40,
      -70_000,
      -(2 ** 40),
      1.5,
      'x',
      'y'.repeat(40),
      'z'.repeat(300),
      'w'.repeat(70_000),
    ];
    const arrays = [new Array<number>(20).fill(1), new Array<number>(70_000).fill(2)];
    const maps = [{ a: { b: {} } }, Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index]))];
    const binary = [10, 300, 70_000].map((length) => new Uint8Array(length).fill(7));
    const dates = [new Date(0), new Date(5_000), new Date(2 ** 42)];
    const all = [...values, ...arrays, ...maps, ...binary, ...dates];
    const packed = Buffer.from(encode(all));
    expect(await decodeOne(msgpack(), packed)).toEqual(all);
    for (let length = 0; length < packed.length; length += 997) {
      await expect(decodeOne(msgpack(), packed.subarray(0, length))).rejects.toThrow(DecodeFault);
    }
  });

  it.each([
    ['nothing', ''],
    ['a cut array', '93c0'],
    ['a byte that means nothing', 'c1'],
    ['two values', 'c0c0'],
    ['an array that claims four billion elements', 'ddffffffff'],
    ['a map that claims four billion entries', 'dfffffffff'],
  ])('refuses %s', async (_, hex) => {
    await expect(decodeOne(msgpack(), Buffer.from(hex, 'hex'))).rejects.toThrow(/it is no MessagePack: /);
  });

  it('takes no memory for arrays within arrays that lie about their length', async () => {
    // 20,000 arrays, each of which claims 99,000 elements: 16 GB, if each claim were believed.
    const liar = Buffer.alloc(100_000, Buffer.from('dd000182b8', 'hex'));
    await expect(decodeOne(msgpack(), liar)).rejects.toThrow(/promises \d+ more values/);
  });
});

describe('bytes', () => {
  it('are a copy', async () => {
    const decoders = await FieldDecoders.create({ field: bytes() });
    const memory = Buffer.from('abc');
    const value = decoders.decodeValue('field', memory, contextOf());
    memory.fill(0);
    expect(value).toEqual(new Uint8Array(Buffer.from('abc')));
  });
});

describe('decoders of a module', () => {
  async function withModule<T>(source: string, use: (url: URL) => Promise<T>): Promise<T> {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'decoder.mjs');
    await writeFile(path, source);
    return await use(pathToFileURL(path));
  }

  it('get the bytes, the sample and their options', async () => {
    await withModule(
      `export default (bytes, { key, shard, options, random }) => ({ text: bytes.toString(), key, shard, options, drawn: random().below(10) });`,
      async (url) => {
        expect(await decodeOne(fromModule(url, { options: { a: 1 } }), 'abc')).toEqual({
          text: 'abc',
          key: 'sample',
          shard: 'shard.tar',
          options: { a: 1 },
          drawn: contextOf().random().below(10),
        });
      },
    );
  });

  it('may be asynchronous, and what they throw is a fault of the sample', async () => {
    await withModule(
      `export default async (bytes) => { if (bytes.length === 0) throw new Error('too short'); return bytes.length; };`,
      async (url) => {
        expect(await decodeOne(fromModule(url), 'abc')).toBe(3);
        const error: unknown = await decodeOne(fromModule(url), '').catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(DecodeFault);
        expect(error).toMatchObject({ message: 'too short', cause: expect.objectContaining({ message: 'too short' }) as unknown });
      },
    );
    await withModule(`export default () => { throw new Error('at once'); };`, async (url) => {
      await expect(decodeOne(fromModule(url), '')).rejects.toThrow(DecodeFault);
    });
  });

  it('that cannot be loaded are told of when the loader opens', async () => {
    await expect(FieldDecoders.create({ x: fromModule('file:///nowhere/decoder.js') })).rejects.toThrow(
      /cannot import the decoder file:\/\/\/nowhere/,
    );
    await withModule(`export const decode = 1;`, async (url) => {
      await expect(FieldDecoders.create({ x: fromModule(url) })).rejects.toThrow(/default export of .* must be a function/);
    });
  });
});

describe('decoders', () => {
  it('are data that can be sent to another thread', () => {
    const decoders = {
      image: image({ height: 2, width: 3, crop: { scale: [0.5, 1] }, type: 'float32', mean: [0, 0, 0] }),
      label: optional(integer({ from: ['cls', 'index'] })),
      own: fromModule(new URL('file:///x.js'), { options: { deep: [1] } }),
      ...DEFAULT_DECODERS,
    };
    expect(structuredClone(decoders)).toEqual(decoders);
  });

  it('follow from extensions as in Python webdataset', () => {
    const table = decoderTable(['jpg', 'seg.png', 'cls', 'index', 'JSON', 'transcript', 'mp', 'npy', 'pth', '__key__']);
    expect(Object.entries(table).map(([name, { kind }]) => [name, kind])).toEqual([
      ['jpg', 'image'],
      ['seg.png', 'image'],
      ['cls', 'integer'],
      ['index', 'integer'],
      ['JSON', 'json'],
      ['transcript', 'text'],
      ['mp', 'msgpack'],
      ['npy', 'npy'],
      ['pth', 'bytes'],
      ['__key__', 'bytes'],
    ]);
    expect(sourcesOf('label', integer({ from: ['cls', 'id'] }))).toEqual(['cls', 'id']);
    expect(sourcesOf('cls', integer())).toEqual(['cls']);
  });

  it('lay tensors out: bytes, shape, and the value of a batch as a view', async () => {
    const { layouts } = await FieldDecoders.create({
      planes: image({ height: 2, width: 3, layout: 'nchw', type: 'float32' }),
      levels: image({ height: 2, width: 3, channels: 1 }),
      label: integer(),
      maybe: optional(integer()),
      any: image(),
      array: npy(),
    });
    expect([...layouts.keys()]).toEqual(['planes', 'levels', 'label']);
    expect(layouts.get('planes')).toMatchObject({ elementType: 'float32', bytesPerSample: 72, shape: [3, 2, 3] });
    expect(layouts.get('levels')).toMatchObject({ elementType: 'uint8', bytesPerSample: 6, shape: [2, 3, 1] });
    expect(layouts.get('label')).toMatchObject({ elementType: 'int32', bytesPerSample: 4, shape: [] });
    const memory = new SharedArrayBuffer(1024);
    expect(layouts.get('planes')?.batchValue(memory, 8, 5)).toEqual({
      shape: [5, 3, 2, 3],
      layout: 'nchw',
      data: new Float32Array(memory, 8, 5 * 18),
    });
    expect(layouts.get('label')?.batchValue(memory, 4, 3)).toEqual(new Int32Array(memory, 4, 3));
  });

  it('make the same random choices for a sample however often, and in whatever order, its fields are decoded', async () => {
    const augmented = image({ height: 16, width: 16, crop: {}, flip: true });
    const decoders = await FieldDecoders.create({
      a: augmented,
      b: augmented,
      other: image({ height: 4, width: 4, crop: 'random', flip: true }),
    });
    const bytesOf = makeJpeg(40, 30, 1);
    const run = (field: string, seed: number): unknown => decoders.decodeValue(field, bytesOf, contextOf(seed));
    const first = run('a', 7);
    run('other', 7);
    expect(run('b', 7)).toEqual(first);
    expect(run('a', 7)).toEqual(first);
    expect(run('a', 8)).not.toEqual(first);
  });
});

import fc from 'fast-check';
import { decode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { decodeNpy } from '../src/decode/npy.ts';
import { encodeField, type FieldValue } from '../src/encode/field.ts';
import { encodeNpy } from '../src/encode/npy.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { python, temporaryFolder } from './support.ts';

const text = async (field: string, value: FieldValue): Promise<string> => Buffer.from(await encodeField(field, value)).toString();

describe('the fields of a sample', () => {
  it('are bytes and strings as they are, whatever their names', async () => {
    for (const field of ['jpg', 'json', 'npy', 'msgpack', 'cls']) {
      expect(await text(field, 'ä{')).toBe('ä{');
      expect(await text(field, Buffer.from('x'))).toBe('x');
    }
  });

  it('are numbers by their digits', async () => {
    expect(await text('cls', 7)).toBe('7');
    expect(await text('meta.index', -1)).toBe('-1');
    expect(await text('score', 0.5)).toBe('0.5');
    expect(await text('id', 2n ** 70n)).toBe(String(2n ** 70n));
  });

  it('are any values as JSON or MessagePack where the name says so', async () => {
    expect(await text('json', { a: [1, null, 'ä'] })).toBe('{"a":[1,null,"ä"]}');
    expect(await text('box.json', null)).toBe('null');
    expect(await text('json', 1.5)).toBe('1.5');
    const value = { a: [1, 'x', null, true], b: new Uint8Array([1, 2]) };
    expect(decode(await encodeField('msgpack', value))).toEqual(value);
    expect(decode(await encodeField('x.mp', 5))).toBe(5);
  });

  it('are arrays that our decoder reads back', () => {
    const arrays = [
      { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { shape: [3], data: BigInt64Array.of(1n, -2n, 3n) },
      { shape: [], data: Uint8Array.of(7) },
      { shape: [0, 4], data: new Int16Array() },
      { shape: [2], data: Float64Array.of(NaN, Infinity) },
      { shape: [2, 2], data: Uint32Array.of(1, 2, 3, 4), fortranOrder: true },
      { shape: [2], data: Uint8Array.of(0, 1), dtype: 'bool' },
    ];
    for (const array of arrays) {
      const read = decodeNpy(encodeNpy(array));
      expect(read).toMatchObject({ shape: array.shape, data: array.data, fortranOrder: array.fortranOrder ?? false });
      expect(encodeNpy(read).equals(encodeNpy(array))).toBe(true);
    }
  });

  it('are arrays whose header Python reads', () => {
    const program = `import ast, json, sys
data = bytes.fromhex(json.load(sys.stdin))
length = int.from_bytes(data[8:10], 'little')
header = ast.literal_eval(data[10:10 + length].decode('latin1'))
print(json.dumps([data[:8].hex(), (10 + length) % 64, header, data[10 + length:].hex()]))`;
    expect(python(program, encodeNpy({ shape: [2], data: Int16Array.of(1, -1) }).toString('hex'))).toEqual([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1').toString('hex'),
      0,
      { descr: '<i2', fortran_order: false, shape: [2] },
      '0100ffff',
    ]);
  });

  it.each([
    ['cls', 1.5, /cannot hold 1.5; it takes whole numbers/],
    ['score', NaN, /cannot hold NaN/],
    ['txt', { a: 1 }, /cannot hold a value of type object/],
    ['txt', null, /cannot hold null/],
    ['txt', true, /cannot hold a value of type boolean/],
    ['json', NaN, /NaN has no form in JSON/],
    ['json', { big: 1n }, /BigInt/],
    ['npy', [1, 2], /takes \{ shape, data \} with a typed array/],
    ['npy', { shape: [3], data: Float32Array.of(1) }, /an array of shape \[3\] has 3 numbers, not 1/],
    ['msgpack', () => 1, /Unrecognized object/],
  ] as const)('are refused as %s (case %#) where they have no form in it', async (field, value, message) => {
    await using folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path });
    await expect(writer.write({ __key__: 'k', [field]: value })).rejects.toMatchObject({
      code: 'WDS_BAD_SAMPLE',
      key: 'k',
      reason: expect.stringMatching(message) as unknown,
    });
  });

  it('of any JSON value come back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const isText = typeof value === 'string';
        const read: unknown = isText ? await text('json', value) : JSON.parse(await text('json', value));
        expect(read).toEqual(isText ? value : JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeFault } from '../src/decode/decode-fault.ts';
import { decodeNpy, type NpyArray } from '../src/decode/npy.ts';
import { debianPython, hasPythonModule } from './debian-python.ts';

/** A file of version 1.0. */
function npy(dictionary: string, data: Uint8Array = new Uint8Array(), version = 1): Buffer {
  const text = Buffer.from(dictionary.padEnd(117) + '\n', 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'), length, text, data]);
}

/** The element at an index of every dimension, whatever the order in memory. */
function at({ shape, data, fortranOrder }: NpyArray, index: readonly number[]): number | bigint {
  let offset = 0;
  let stride = 1;
  const order = shape.map((_, dimension) => dimension);
  for (const dimension of fortranOrder ? order : order.reverse()) {
    offset += (index[dimension] ?? 0) * stride;
    stride *= shape[dimension] ?? 1;
  }
  return data[offset] ?? NaN;
}

describe('npy', () => {
  it.skipIf(!hasPythonModule('numpy'))('reads what NumPy writes: every element type, byte order, memory order and version', () => {
    const written = debianPython(
      `
import base64, io, json
import numpy as np
out = []
def add(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    plain = np.asarray(array)
    kind = plain.dtype.kind
    values = [str(int(v)) if kind in 'iub' else repr(float(v)) for v in plain.flatten(order='C').tolist()]
    out.append({'file': base64.b64encode(buffer.getvalue()).decode(), 'dtype': plain.dtype.newbyteorder('=').name, 'shape': list(plain.shape),
                'fortran': bool(plain.flags.f_contiguous and not plain.flags.c_contiguous), 'values': values})
for name in ['b1', 'i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f2', 'f4', 'f8']:
    for order in '<>':
        base = np.array([[0, 1, 2], [100, 3, 120]], dtype=name).astype(order + name)
        add(base)
        add(np.asfortranarray(base))
add(np.array([-1, -128], dtype='i1'))
add(np.array([-2**63, 2**63 - 1, -1], dtype='>i8'))
add(np.array([2**64 - 1], dtype='<u8'))
add(np.array([1.5, -0.0, np.inf, -np.inf, np.nan, 6e-8, 65504, 1e-5], dtype='f2'))
add(np.array([1e300, -1e-300], dtype='>f8'))
add(np.float32(7))
add(np.zeros((0, 3), dtype='f4'))
add(np.arange(24, dtype='u2').reshape(2, 3, 4), (2, 0))
add(np.asfortranarray(np.arange(24, dtype='i4').reshape(2, 3, 4)), (3, 0))
print(json.dumps(out))`,
      null,
    ) as { file: string; dtype: string; shape: number[]; fortran: boolean; values: string[] }[];
    expect(written.length).toBeGreaterThan(50);
    for (const { file, dtype, shape, fortran, values } of written) {
      const array = decodeNpy(Buffer.from(file, 'base64'));
      expect(array).toMatchObject({ dtype, shape });
      expect(array.data).toHaveLength(values.length);
      if (values.length > 1) expect(array.fortranOrder).toBe(fortran);
      for (const [index, value] of values.entries()) {
        let rest = index;
        const place = shape.toReversed().map((length) => {
          const digit = rest % length;
          rest = Math.floor(rest / length);
          return digit;
        });
        const element = at(array, place.reverse());
        const number = value === 'inf' ? Infinity : value === '-inf' ? -Infinity : Number(value);
        expect(element).toEqual(typeof element === 'bigint' ? BigInt(value) : number);
      }
    }
  });

  it('gives memory of its own, and ignores what follows the array', () => {
    const bytes = npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(1, 0, 2, 0, 99, 99, 99));
    const { data } = decodeNpy(bytes);
    expect([...data]).toEqual([1, 2]);
    expect(data.buffer.byteLength).toBe(4);
    bytes.fill(0);
    expect([...data]).toEqual([1, 2]);
  });

  it('reads the headers that older writers make', () => {
    expect(decodeNpy(npy("{'shape': (2L, 1L), 'descr': '|u1', 'fortran_order': True}", Uint8Array.of(7, 8)))).toMatchObject({
      shape: [2, 1],
      fortranOrder: true,
    });
  });

  const header = (descr: string, shape = '(1,)'): Buffer =>
    npy(`{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`, Buffer.alloc(64));

  it.each([
    ['no .npy file', Buffer.from('hello'), /no .npy file/],
    ['a version of the future', npy('{}', undefined, 4), /version 4/],
    ['a cut header', header("'<f4'").subarray(0, 40), /inside its header/],
    ['nothing but magic', header("'<f4'").subarray(0, 8), /inside its header/],
    ['too few elements', header("'<f8'", '(100, 100)'), /asks for 80000/],
    ['a size beyond all memory', header("'<f8'", '(9007199254740991, 9007199254740991)'), /asks for/],
    ['a size beyond all integers', header("'<f8'", '(99999999999999999999,)'), /shape that is none/],
    ['Python objects', header("'|O'"), /pickle.*never read/],
    ['text', header("'<U5'"), /dtype '<U5'/],
    ['bytes', header("'|S5'"), /dtype '\|S5'/],
    ['complex numbers', header("'<c8'"), /dtype '<c8'/],
    ['times', header("'<M8[ns]'"), /dtype '<M8\[ns\]'/],
    ['records', header("[('x', '<f4'), ('y', '<i4')]"), /dtype \[\('x'/],
    ['no dictionary', npy('[1, 2]'), /not the dictionary/],
    ['code', npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}"), /not the dictionary/],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False}"), /no shape/],
    ['no order', npy("{'descr': '<f4', 'shape': (1,)}"), /fortran_order/],
    ['a hole in the shape', header("'<f4'", '(1,,2)'), /shape that is none/],
  ])('refuses %s, with the reason', (_, bytes, message) => {
    expect(() => decodeNpy(bytes)).toThrow(DecodeFault);
    expect(() => decodeNpy(bytes)).toThrow(message);
  });

  it('ends in an array or a fault for any bytes', () => {
    const good = npy("{'descr': '>i4', 'fortran_order': False, 'shape': (3, 2), }", Buffer.alloc(24, 1));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        (damages, length) => {
          const bytes = Buffer.from(good);
          for (const [place, value] of damages) bytes[place] = value;
          for (const one of [bytes, bytes.subarray(0, length)]) {
            try {
              expect(decodeNpy(one).data.byteLength).toBeLessThanOrEqual(2 * one.length);
            } catch (error) {
              expect(error).toBeInstanceOf(DecodeFault);
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

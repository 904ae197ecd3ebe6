import { describe, expect, expectTypeOf, it } from 'vitest';
import type { BatchOf, Fields, SampleOf } from '../src/decode/decoder.ts';
import { bytes, fromModule, image, integer, json, msgpack, npy, optional, text } from '../src/decode/decoders.ts';
import { decoderTable } from '../src/decode/default-decoders.ts';
import type { Image, ImageTensor } from '../src/decode/image/image-value.ts';
import type { NpyArray } from '../src/decode/npy.ts';
import type { Raster } from '../src/decode/image/raster.ts';
import { tensorLayouts } from '../src/decode/tensor-layout.ts';

/** Stands for a function of the library that takes fields. */
function sampleOf<const F extends Fields>(_fields: F): SampleOf<F> {
  return {} as SampleOf<F>;
}

describe('types follow from decoders', () => {
  it('of an object of decoders', () => {
    const fields = {
      image: image({ height: 2, width: 2, from: ['jpg', 'png'] }),
      planes: image({ height: 2, width: 2, type: 'float32', layout: 'nchw', mean: [0.5, 0.5, 0.5] }),
      any: image(),
      label: integer({ from: ['cls'] }),
      caption: text(),
      meta: json<{ id: number }>(),
      anything: json(),
      array: npy(),
      packed: msgpack<number[]>(),
      raw: bytes(),
      maybe: optional(integer()),
      own: fromModule<Date>(new URL('file:///x.js')),
    };
    expect([...tensorLayouts(fields).keys()]).toEqual(['image', 'planes', 'label']);
    expectTypeOf<SampleOf<typeof fields>>().toEqualTypeOf<{
      image: Image;
      planes: Image<Float32Array>;
      any: Raster;
      label: number;
      caption: string;
      meta: { id: number };
      anything: unknown;
      array: NpyArray;
      packed: number[];
      raw: Uint8Array;
      maybe: number | undefined;
      own: Date;
    }>();
    expectTypeOf<BatchOf<typeof fields>>().toEqualTypeOf<{
      image: ImageTensor;
      planes: ImageTensor<Float32Array>;
      any: Raster[];
      label: Int32Array;
      caption: string[];
      meta: { id: number }[];
      anything: unknown[];
      array: NpyArray[];
      packed: number[][];
      raw: Uint8Array[];
      maybe: (number | undefined)[];
      own: Date[];
    }>();
  });

  it('of a list of extensions', () => {
    const fields = ['jpg', 'cls', 'seg.png', 'JSON', 'xyz'] as const;
    expect(Object.values(decoderTable(fields)).map(({ kind }) => kind)).toEqual(['image', 'integer', 'image', 'json', 'bytes']);
    expectTypeOf<SampleOf<typeof fields>>().toEqualTypeOf<{
      readonly jpg: Raster;
      readonly cls: number;
      readonly 'seg.png': Raster;
      readonly JSON: unknown;
      readonly xyz: Uint8Array;
    }>();
    expectTypeOf<BatchOf<typeof fields>['cls']>().toEqualTypeOf<Int32Array>();
    expectTypeOf<BatchOf<typeof fields>['jpg']>().toEqualTypeOf<Raster[]>();
    const { jpg, cls } = sampleOf(['jpg', 'cls']);
    expectTypeOf(jpg).toEqualTypeOf<Raster>();
    expectTypeOf(cls).toEqualTypeOf<number>();
  });
});

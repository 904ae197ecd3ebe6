import type { DecoderTable } from './decoder.ts';

/** A field whose values lie side by side in one block of memory. */
export interface TensorLayout {
  readonly elementType: 'uint8' | 'int32' | 'float32';
  /** Of one sample. */
  readonly bytesPerSample: number;
  /** Of one sample; empty for a number. */
  readonly shape: readonly number[];
  /** The value that a batch has for this field (a view, no copy); `byteOffset` must be a multiple of the element's size. */
  batchValue(memory: ArrayBufferLike, byteOffset: number, samples: number): unknown;
}

/** The layouts of the fields that are tensors: images of a fixed size, and integers. Optional fields never are. */
export function tensorLayouts(decoders: DecoderTable): ReadonlyMap<string, TensorLayout> {
  const layouts = new Map<string, TensorLayout>();
  for (const [name, decoder] of Object.entries(decoders)) {
    if (decoder.optional === true) continue;
    if (decoder.kind === 'integer') layouts.set(name, INTEGER);
    if (decoder.kind !== 'image' || decoder.fit === undefined) continue;
    const { height, width, channels, layout, type } = decoder.fit;
    const shape = layout === 'nhwc' ? ([height, width, channels] as const) : ([channels, height, width] as const);
    const elements = height * width * channels;
    layouts.set(name, {
      elementType: type,
      bytesPerSample: elements * (type === 'float32' ? Float32Array.BYTES_PER_ELEMENT : 1),
      shape,
      batchValue: (memory, byteOffset, samples) => ({
        shape: [samples, ...shape],
        layout,
        data:
          type === 'float32'
            ? new Float32Array(memory, byteOffset, samples * elements)
            : new Uint8Array(memory, byteOffset, samples * elements),
      }),
    });
  }
  return layouts;
}

const INTEGER: TensorLayout = {
  elementType: 'int32',
  bytesPerSample: Int32Array.BYTES_PER_ELEMENT,
  shape: [],
  batchValue: (memory, byteOffset, samples) => new Int32Array(memory, byteOffset, samples),
};

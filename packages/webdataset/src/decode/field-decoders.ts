import type { DecodeContext } from './decode-context.ts';
import type { DecoderTable } from './decoder.ts';
import { type TensorLayout, tensorLayouts } from './tensor-layout.ts';

/** Runs the decoders of a sample's fields. One for each thread: it keeps scratch memory. Calls may overlap. */
export class FieldDecoders {
  /** The fields that {@link decodeInto} decodes; all others are for {@link decodeValue}. */
  readonly layouts: ReadonlyMap<string, TensorLayout>;

  private constructor(decoders: DecoderTable) {
    this.layouts = tensorLayouts(decoders);
  }

  /**
   * Loads what the decoders need.
   *
   * @throws TypeError when a module of `fromModule` cannot be imported or its default export is no function
   */
  static create(decoders: DecoderTable): Promise<FieldDecoders> {
    return Promise.resolve(new FieldDecoders(decoders));
  }

  /**
   * Decodes a tensor field into its place in a batch.
   *
   * @param target exactly the layout's `bytesPerSample` bytes, at a multiple of its element's size
   * @returns undefined when it is done; a promise where it takes a slower decoder
   * @throws {@link DecodeFault} at once or by the promise
   */
  decodeInto(field: string, _bytes: Buffer, _target: Buffer, _context: DecodeContext): Promise<void> | undefined {
    throw new Error(`not yet: ${field}`);
  }

  /**
   * Decodes a field to a value of its own, which shares no memory with `bytes` and can be sent to another thread; for a tensor field
   * the value of one sample.
   *
   * @returns the value, or a promise of it
   * @throws {@link DecodeFault} at once or by the promise
   */
  decodeValue(field: string, _bytes: Buffer, _context: DecodeContext): unknown {
    throw new Error(`not yet: ${field}`);
  }
}

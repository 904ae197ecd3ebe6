/**
 * How the bytes of a field become a value, as plain data that can be sent to a worker thread, with the types of what comes out.
 * The functions of `decoders.ts` build them; `FieldDecoders` runs them.
 */
import type { DEFAULT_DECODERS } from './default-decoders.ts';
import type { ImageSpec } from './image/image-spec.ts';

/** Carries types and never a value. */
declare const TYPES: unique symbol;

/** What a decoder does. */
export type DecoderSpec =
  | ImageSpec
  | { readonly kind: 'integer' | 'text' | 'json' | 'npy' | 'msgpack' | 'bytes' }
  | {
      readonly kind: 'module';
      /** A module whose default export is a {@link ModuleDecoder}. */
      readonly url: string;
      /** Handed to it with every field; anything that can be sent to a worker thread. */
      readonly options: unknown;
    };

/** Where the bytes come from. */
export interface FieldSource {
  /** Extensions, the preferred first; the sample's first one of these is decoded. Default: the name that the decoder is given. */
  readonly from?: readonly string[];
  /** A sample without such a field has `undefined` instead of being at fault. */
  readonly optional?: true;
}

/**
 * Turns the bytes of one field into a `Sample`; a batch of samples has them as `Batch`: one tensor, or an array of one value a
 * sample.
 */
export type Decoder<Sample, Batch = Sample[]> = DecoderSpec & FieldSource & { readonly [TYPES]?: { sample: Sample; batch: Batch } };

/** Decoders by the name that their values get; a list of extensions stands for the decoders of {@link DEFAULT_DECODERS}. */
export type Fields = readonly string[] | DecoderTable;

/** Decoders by the name that their values get. */
export type DecoderTable = Readonly<Record<string, Decoder<unknown, unknown>>>;

/** The decoders that {@link Fields} stand for. */
export type DecodersOf<F extends Fields> = F extends readonly string[] ? { readonly [Name in F[number]]: DefaultDecoder<Name> } : F;

/** The values of one sample. */
export type SampleOf<F extends Fields> = { [Name in keyof DecodersOf<F>]: TypesOf<DecodersOf<F>[Name]>['sample'] };

/** The values of a batch. */
export type BatchOf<F extends Fields> = { [Name in keyof DecodersOf<F>]: TypesOf<DecodersOf<F>[Name]>['batch'] };

type TypesOf<D> = D extends { readonly [TYPES]?: infer Types } ? NonNullable<Types> : never;

/** The decoder for an extension that nobody has named one for: what stands after the last dot decides, as in Python webdataset. */
export type DefaultDecoder<Name extends string> =
  LastPart<Lowercase<Name>> extends infer Part extends keyof typeof DEFAULT_DECODERS
    ? (typeof DEFAULT_DECODERS)[Part]
    : Decoder<Uint8Array>;

type LastPart<Name extends string> = Name extends `${string}.${infer Rest}` ? LastPart<Rest> : Name;

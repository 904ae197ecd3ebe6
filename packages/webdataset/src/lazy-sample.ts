import type { DefaultDecoder, SampleOf } from './decode/decoder.ts';
import type { ExtensionDecoders, StoredSample } from './sample-decoder.ts';

/** What the default decoder of an extension gives. */
export type DefaultValue<Extension extends string> = SampleOf<{ readonly value: DefaultDecoder<Extension> }>['value'];

/** A sample whose fields are decoded when they are asked for. */
export class LazySample {
  readonly __key__: string;
  /** Path, URL (without secrets) or name of its shard. */
  readonly __url__: string;
  /** The bytes by extension, in the order of the archive: views of a larger buffer, which they keep alive. Copy what you keep for long. */
  readonly fields: ReadonlyMap<string, Buffer>;
  readonly #sample: StoredSample;
  readonly #decoders: ExtensionDecoders;

  /** @internal */
  constructor(sample: StoredSample, decoders: ExtensionDecoders) {
    this.__key__ = sample.key;
    this.__url__ = sample.shard;
    this.fields = new Map([...sample.fields].map(([name, { data }]) => [name, data]));
    this.#sample = sample;
    this.#decoders = decoders;
  }

  /**
   * The value of a field, by the decoder of `DEFAULT_DECODERS` for its extension: `await sample.decode('cls')` is a number.
   *
   * @throws {@link WebDatasetError} `WDS_MISSING_FIELD`, `WDS_DECODE` or `WDS_LABEL`
   */
  async decode<Extension extends string>(field: Extension): Promise<DefaultValue<Extension>> {
    return this.#decoders.decode(this.#sample, field);
  }
}

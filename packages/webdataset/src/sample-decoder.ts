import type { DecodeContext } from './decode/decode-context.ts';
import { DecodeFault } from './decode/decode-fault.ts';
import { defaultDecoder, sourcesOf } from './decode/default-decoders.ts';
import type { Decoder, DecoderTable } from './decode/decoder.ts';
import { FieldDecoders } from './decode/field-decoders.ts';
import { WebDatasetError } from './errors.ts';
import { firstField } from './fields.ts';
import { Random } from './order/random.ts';
import type { SampleGroup } from './sample.ts';
import type { TarEntry } from './tar/reader.ts';

/** A sample as it is stored, and the name of its shard. */
export interface StoredSample extends SampleGroup<TarEntry> {
  readonly shard: string;
}

/** Decodes samples in the caller's thread, one field after the other. */
export class SampleDecoder {
  readonly #decoders: DecoderTable;
  readonly #runner: FieldDecoders;
  readonly #seed: number;
  readonly #epoch: number;

  private constructor(decoders: DecoderTable, runner: FieldDecoders, seed: number, epoch: number) {
    this.#decoders = decoders;
    this.#runner = runner;
    this.#seed = seed;
    this.#epoch = epoch;
  }

  /**
   * @param seed with `epoch`, what the random choices of decoders derive from
   * @throws TypeError when a module of `fromModule` cannot be used
   */
  static async create(decoders: DecoderTable, seed: number, epoch: number): Promise<SampleDecoder> {
    return new SampleDecoder(decoders, await FieldDecoders.create(decoders), seed, epoch);
  }

  /**
   * The values of all fields, by name.
   *
   * @throws {@link WebDatasetError} `WDS_MISSING_FIELD`, `WDS_DECODE` or `WDS_LABEL`
   */
  async decode(sample: StoredSample): Promise<Record<string, unknown>> {
    const context: DecodeContext = {
      key: sample.key,
      shard: sample.shard,
      random: () => Random.forKey(this.#seed, this.#epoch, sample.key),
    };
    const values: [string, unknown][] = [];
    for (const [name, decoder] of Object.entries(this.#decoders))
      values.push([name, await this.#decodeField(sample, name, decoder, context)]);
    return Object.fromEntries(values);
  }

  async #decodeField(sample: StoredSample, name: string, decoder: Decoder<unknown, unknown>, context: DecodeContext): Promise<unknown> {
    const entry = firstField(sample.fields, sourcesOf(name, decoder));
    if (entry === undefined) {
      if (decoder.optional === true) return undefined;
      throw missingField(sample, sourcesOf(name, decoder));
    }
    try {
      return await this.#runner.decodeValue(name, entry.data, context);
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      const { shard, key } = sample;
      const code = decoder.kind === 'integer' ? 'WDS_LABEL' : 'WDS_DECODE';
      const reason = `the field "${name}" cannot be decoded: ${error.message}`;
      throw new WebDatasetError(code, reason, { shard, key, offset: entry.member.headerOffset, cause: error });
    }
  }
}

/** Decoders of single fields by their extensions, each made when it is first needed. */
export class ExtensionDecoders {
  readonly #seed: number;
  readonly #epoch: number;
  readonly #byExtension = new Map<string, Promise<SampleDecoder>>();

  constructor(seed: number, epoch: number) {
    this.#seed = seed;
    this.#epoch = epoch;
  }

  /** @throws {@link WebDatasetError} `WDS_MISSING_FIELD`, `WDS_DECODE` or `WDS_LABEL` */
  async decode(sample: StoredSample, extension: string): Promise<unknown> {
    let decoder = this.#byExtension.get(extension);
    if (decoder === undefined) {
      decoder = SampleDecoder.create({ [extension]: defaultDecoder(extension) }, this.#seed, this.#epoch);
      this.#byExtension.set(extension, decoder);
    }
    return (await (await decoder).decode(sample))[extension];
  }
}

function missingField({ shard, key, fields }: StoredSample, wanted: readonly string[]): WebDatasetError {
  const has = [...fields.keys()].map((name) => `"${name}"`).join(', ');
  const wants = wanted.map((name) => `"${name}"`).join(' or ');
  return new WebDatasetError('WDS_MISSING_FIELD', `the sample has no field ${wants}, only ${has}`, { shard, key });
}

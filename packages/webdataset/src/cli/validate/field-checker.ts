import { image, integer, json, msgpack, npy, text } from '../../decode/decoders.ts';
import { DecodeFault } from '../../decode/decode-fault.ts';
import { defaultDecoder } from '../../decode/default-decoders.ts';
import { FieldDecoders } from '../../decode/field-decoders.ts';
import { reasonOf } from '../../errors.ts';
import type { Fault } from './fault.ts';

/** One of each kind that a default decoder can be. */
const DECODERS = { image: image(), integer: integer(), text: text(), json: json(), npy: npy(), msgpack: msgpack() };

/** Decodes fields as a loader would by their extension, to see whether that works. */
export class FieldChecker {
  readonly #decoders: FieldDecoders;
  readonly #withImages: boolean;

  private constructor(decoders: FieldDecoders, withImages: boolean) {
    this.#decoders = decoders;
    this.#withImages = withImages;
  }

  static async create(options: { readonly images: boolean }): Promise<FieldChecker> {
    return new FieldChecker(await FieldDecoders.create(DECODERS), options.images);
  }

  /** What is wrong with a field; undefined when it decodes, or has no decoder. */
  async check(
    field: string,
    data: Buffer,
    at: { readonly shard: string; readonly key: string; readonly offset: number },
  ): Promise<Fault | undefined> {
    const { kind } = defaultDecoder(field);
    if (!(kind in DECODERS) || (kind === 'image' && !this.#withImages)) return undefined;
    try {
      await this.#decoders.decodeValue(kind, data, { key: at.key, shard: at.shard, random: noRandom });
      return undefined;
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      const code = kind === 'integer' ? 'WDS_LABEL' : 'WDS_DECODE';
      return { code, severity: 'error', ...at, message: `field "${field}": ${reasonOf(error)}` };
    }
  }
}

function noRandom(): never {
  throw new Error('Nothing that validate decodes is random.');
}

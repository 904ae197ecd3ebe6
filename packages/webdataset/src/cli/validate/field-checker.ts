import { integer, json, msgpack, npy, text } from '../../decode/decoders.ts';
import { DecodeFault } from '../../decode/decode-fault.ts';
import { defaultDecoder } from '../../decode/default-decoders.ts';
import { FieldDecoders } from '../../decode/field-decoders.ts';
import { reasonOf } from '../../errors.ts';
import type { Fault } from './fault.ts';
import { ImageChecks } from './image-checks.ts';

/** One of each kind that a default decoder can be, but for images. */
const DECODERS = { integer: integer(), text: text(), json: json(), npy: npy(), msgpack: msgpack() };

/** Where a field is. */
export interface FieldPlace {
  readonly shard: string;
  readonly key: string;
  readonly offset: number;
}

/** Decodes fields as a loader would by their extension, to see whether that works: images in threads, all else at once. */
export class FieldChecker implements AsyncDisposable {
  readonly #decoders: FieldDecoders;
  readonly #images: ImageChecks | undefined;

  private constructor(decoders: FieldDecoders, images: ImageChecks | undefined) {
    this.#decoders = decoders;
    this.#images = images;
  }

  /** @param imageThreads 0 leaves images alone */
  static async create(imageThreads: number): Promise<FieldChecker> {
    return new FieldChecker(await FieldDecoders.create(DECODERS), imageThreads === 0 ? undefined : new ImageChecks(imageThreads));
  }

  /** What is wrong with a field; undefined when it decodes, or has no decoder. The bytes are not needed once this has returned. */
  check(field: string, data: Buffer, at: FieldPlace): Promise<Fault | undefined> | undefined {
    const { kind } = defaultDecoder(field);
    if (kind === 'image')
      return this.#images?.check(data).then((reason) => (reason === undefined ? undefined : fault(kind, field, at, reason)));
    return kind in DECODERS ? this.#decode(kind, field, data, at) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#images?.[Symbol.asyncDispose]();
  }

  async #decode(kind: string, field: string, data: Buffer, at: FieldPlace): Promise<Fault | undefined> {
    try {
      await this.#decoders.decodeValue(kind, data, { key: at.key, shard: at.shard, random: noRandom });
      return undefined;
    } catch (error) {
      if (!(error instanceof DecodeFault)) throw error;
      return fault(kind, field, at, reasonOf(error));
    }
  }
}

function fault(kind: string, field: string, at: FieldPlace, reason: string): Fault {
  const code = kind === 'integer' ? 'WDS_LABEL' : 'WDS_DECODE';
  return { code, severity: 'error', ...at, message: `field "${field}": ${reason}` };
}

function noRandom(): never {
  throw new Error('Nothing that validate decodes is random.');
}

import { reasonOf } from '../errors.ts';
import type { DecodeContext } from './decode-context.ts';
import { DecodeFault } from './decode-fault.ts';
import type { Decoder, DecoderTable } from './decoder.ts';
import { type CodecLoaders, ImageCodecs } from './image/image-codecs.ts';
import { decodeRaster, FittedImages } from './image/image-field.ts';
import { decodeInteger } from './integer.ts';
import { importDecoder } from './module-decoder.ts';
import { decodeNpy } from './npy.ts';
import { type TensorLayout, tensorLayouts } from './tensor-layout.ts';
import { decodeJson, decodeText } from './text.ts';

/** How one field is decoded. */
interface FieldDecoder {
  decodeValue(bytes: Buffer, context: DecodeContext): unknown;
  /** Of tensor fields only. */
  decodeInto?(bytes: Buffer, target: Buffer, context: DecodeContext): Promise<void> | undefined;
}

/** Runs the decoders of a sample's fields. One for each thread: it keeps scratch memory. Calls may overlap. */
export class FieldDecoders {
  /** The fields that {@link decodeInto} decodes; all others are for {@link decodeValue}. */
  readonly layouts: ReadonlyMap<string, TensorLayout>;
  readonly #fields: ReadonlyMap<string, FieldDecoder>;

  private constructor(layouts: ReadonlyMap<string, TensorLayout>, fields: ReadonlyMap<string, FieldDecoder>) {
    this.layouts = layouts;
    this.#fields = fields;
  }

  /**
   * Loads what the decoders need.
   *
   * @param codecs where the image decoders come from; the installed packages by default
   * @throws TypeError when a module of `fromModule` cannot be imported or its default export is no function
   */
  static async create(decoders: DecoderTable, codecs?: CodecLoaders): Promise<FieldDecoders> {
    const images = new Images(codecs);
    const fields = new Map<string, FieldDecoder>();
    for (const [name, decoder] of Object.entries(decoders)) fields.set(name, await fieldDecoder(decoder, images));
    return new FieldDecoders(tensorLayouts(decoders), fields);
  }

  /**
   * Decodes a tensor field into its place in a batch.
   *
   * @param target exactly the layout's `bytesPerSample` bytes, at a multiple of its element's size
   * @returns undefined when it is done; a promise where it takes a slower decoder
   * @throws {@link DecodeFault} at once or by the promise
   */
  decodeInto(field: string, bytes: Buffer, target: Buffer, context: DecodeContext): Promise<void> | undefined {
    const decoder = this.#field(field);
    if (decoder.decodeInto === undefined) throw new TypeError(`the field ${JSON.stringify(field)} is no tensor`);
    return decoder.decodeInto(bytes, target, context);
  }

  /**
   * Decodes a field to a value of its own, which shares no memory with `bytes` and can be sent to another thread; for a tensor field
   * the value of one sample.
   *
   * @returns the value, or a promise of it
   * @throws {@link DecodeFault} at once or by the promise
   */
  decodeValue(field: string, bytes: Buffer, context: DecodeContext): unknown {
    return this.#field(field).decodeValue(bytes, context);
  }

  #field(name: string): FieldDecoder {
    const decoder = this.#fields.get(name);
    if (decoder === undefined) throw new TypeError(`no decoder is named ${JSON.stringify(name)}`);
    return decoder;
  }
}

/** The image decoders that all image fields share, loaded by the first one. */
class Images {
  readonly #loaders: CodecLoaders | undefined;
  #codecs: Promise<ImageCodecs> | undefined;

  constructor(loaders: CodecLoaders | undefined) {
    this.#loaders = loaders;
  }

  codecs(): Promise<ImageCodecs> {
    return (this.#codecs ??= ImageCodecs.create(this.#loaders));
  }
}

async function fieldDecoder(decoder: Decoder<unknown, unknown>, images: Images): Promise<FieldDecoder> {
  switch (decoder.kind) {
    case 'image': {
      const codecs = await images.codecs();
      return decoder.fit === undefined
        ? { decodeValue: (bytes) => decodeRaster(codecs, bytes, decoder.channels) }
        : new FittedImages(codecs, decoder.fit);
    }
    case 'integer':
      return { decodeValue: decodeInteger, decodeInto: decodeIntegerInto };
    case 'text':
      return { decodeValue: decodeText };
    case 'json':
      return { decodeValue: decodeJson };
    case 'npy':
      return { decodeValue: decodeNpy };
    case 'msgpack': {
      // Two dozen modules, in every thread: only where they are used.
      const { decodeMsgpack } = await import('./msgpack.ts');
      return { decodeValue: decodeMsgpack };
    }
    case 'bytes':
      return { decodeValue: (bytes) => Uint8Array.from(bytes) };
    case 'module': {
      const decode = await importDecoder(decoder.url);
      const { options } = decoder;
      return {
        decodeValue: (bytes, context) => {
          const { key, shard } = context;
          return blame(() => decode(bytes, { key, shard, options, random: () => context.random() }));
        },
      };
    }
  }
}

function decodeIntegerInto(bytes: Buffer, target: Buffer): undefined {
  new Int32Array(target.buffer, target.byteOffset, 1)[0] = decodeInteger(bytes);
}

/** Whatever a decoder of the user's own throws is a fault of the sample. */
function blame(decode: () => unknown): unknown {
  const fault = (error: unknown): never => {
    throw error instanceof DecodeFault ? error : new DecodeFault(reasonOf(error), { cause: error });
  };
  try {
    const value = decode();
    return value instanceof Promise ? value.catch(fault) : value;
  } catch (error) {
    return fault(error);
  }
}

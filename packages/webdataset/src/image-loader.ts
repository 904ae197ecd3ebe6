import { image, integer } from './decode/decoders.ts';
import type { ImageShape } from './decode/image.ts';
import { IMAGE_FIELDS, LABEL_FIELDS } from './fields.ts';
import { Loader, type LoaderOptions } from './loader.ts';

/** How to load images and labels. */
export interface ImageLoaderOptions extends Omit<LoaderOptions<ImageFields>, 'fields'> {
  /** The shape of every image; others are scaled to cover it and cut to it, grey and colour converted. */
  readonly image: ImageShape;
}

/** Some images with their labels. */
export interface ImageBatch extends Disposable {
  /** Number of images. */
  readonly size: number;
  /** Pixels, `size` x height x width x channels (NHWC), in shared memory; valid until {@link release}. */
  readonly pixels: Uint8Array;
  /** One label an image. */
  readonly labels: Int32Array;
  /** One key an image. */
  readonly keys: readonly string[];
  /** The path of each image's shard. */
  readonly shards: readonly string[];
  /** Gives the memory back for a later batch. Until it is called, the batch takes one of the loader's slots. */
  release(): void;
}

type ImageFields = ReturnType<typeof imageFields>;

/** A {@link Loader} of images and integer labels. */
export class ImageLoader implements AsyncDisposable {
  readonly #loader: Loader<ImageFields>;

  private constructor(loader: Loader<ImageFields>) {
    this.#loader = loader;
  }

  /** Opens a loader; see {@link Loader.open}. */
  static async open({ image, ...options }: ImageLoaderOptions): Promise<ImageLoader> {
    return new ImageLoader(await Loader.open({ ...options, fields: imageFields(image) }));
  }

  /** The batches of an epoch; see {@link Loader.epoch}. */
  async *epoch(number: number): AsyncGenerator<ImageBatch, void, undefined> {
    for await (const batch of this.#loader.epoch(number)) {
      const release = (): void => batch.release();
      const { size, image, label, __key__: keys, __url__: shards } = batch;
      yield { size, pixels: image.data, labels: label, keys, shards, release, [Symbol.dispose]: release };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }
}

function imageFields(shape: ImageShape) {
  return { image: image({ ...shape, from: IMAGE_FIELDS }), label: integer({ from: LABEL_FIELDS }) };
}

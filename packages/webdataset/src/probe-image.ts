import { DecodeFault } from './decode/decode-fault.ts';
import { ImageCodecs } from './decode/image/image-codecs.ts';
import { decodeRaster } from './decode/image/image-field.ts';
import type { ImageShape } from './decode/image/image-value.ts';
import { ShardsNotFoundError, WebDatasetError } from './errors.ts';
import { firstField, IMAGE_FIELDS } from './fields.ts';
import { groupSamples } from './sample.ts';
import { readTar } from './tar/reader.ts';

/** The shape of an image, and where it was found. */
export interface ProbedImage extends ImageShape {
  readonly key: string;
  readonly shard: string;
}

/**
 * Decodes the first sample that has an image, to learn the shape of a data set's images.
 *
 * @param shards paths; only as many are read as it takes
 * @throws {@link ShardsNotFoundError} when the list is empty
 * @throws {@link WebDatasetError} `WDS_MISSING_FIELD` when no sample has an image, `WDS_DECODE`, and the faults of a shard
 */
export async function probeImage(shards: readonly string[]): Promise<ProbedImage> {
  for (const shard of shards) {
    for await (const { key, fields } of groupSamples(readTar(shard), shard)) {
      const image = firstField(fields, IMAGE_FIELDS);
      if (image === undefined) continue;
      try {
        const { height, width, channels } = await decodeRaster(await ImageCodecs.create(), image.data);
        return { height, width, channels, key, shard };
      } catch (error) {
        if (!(error instanceof DecodeFault)) throw error;
        throw new WebDatasetError('WDS_DECODE', `the image cannot be decoded: ${error.message}`, { shard, key, cause: error });
      }
    }
  }
  if (shards.length === 0) throw new ShardsNotFoundError('the list of shards is empty');
  throw new WebDatasetError('WDS_MISSING_FIELD', `no sample has an image (one of ${IMAGE_FIELDS.join(', ')})`, { shard: shards[0] });
}

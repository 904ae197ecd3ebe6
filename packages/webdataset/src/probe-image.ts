import { DecodeFault } from './decode/decode-fault.ts';
import { ImageCodecs } from './decode/image/image-codecs.ts';
import { decodeRaster } from './decode/image/image-field.ts';
import type { ImageShape } from './decode/image/image-value.ts';
import { ShardsNotFoundError, WebDatasetError } from './errors.ts';
import { firstField, IMAGE_FIELDS } from './fields.ts';
import { groupSamples } from './sample.ts';
import { type ShardInput, shardName } from './source/shard-input.ts';
import { readTar } from './tar/reader.ts';

/** The shape of an image, and where it was found. */
export interface ProbedImage extends ImageShape {
  readonly key: string;
  /** What the shard is called: its path, its URL without secrets, or its own name. */
  readonly shard: string;
}

/**
 * Decodes the first sample that has an image, to learn the shape of a data set's images.
 *
 * @param shards only as many are read as it takes
 * @throws {@link ShardsNotFoundError} when the list is empty
 * @throws {@link WebDatasetError} `WDS_MISSING_FIELD` when no sample has an image, `WDS_DECODE`, and the faults of a shard
 */
export async function probeImage(shards: readonly ShardInput[]): Promise<ProbedImage> {
  const codecs = await ImageCodecs.create();
  for (const input of shards) {
    const shard = shardName(input);
    for await (const { key, fields } of groupSamples(readTar(input), shard)) {
      const image = firstField(fields, IMAGE_FIELDS);
      if (image === undefined) continue;
      try {
        const { height, width, channels } = await decodeRaster(codecs, image.data);
        return { height, width, channels, key, shard };
      } catch (error) {
        if (!(error instanceof DecodeFault)) throw error;
        throw new WebDatasetError('WDS_DECODE', `the image cannot be decoded: ${error.message}`, { shard, key, cause: error });
      }
    }
  }
  const [first] = shards;
  if (first === undefined) throw new ShardsNotFoundError('the list of shards is empty');
  throw new WebDatasetError('WDS_MISSING_FIELD', `no sample has an image (one of ${IMAGE_FIELDS.join(', ')})`, { shard: shardName(first) });
}

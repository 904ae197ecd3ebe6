/** The door `@warpforge/webdataset/synthetic`: images that a model can tell apart, made from a seed, and shards of them. */
export { encodeImages, type EncodedImage, type RawImage } from './encode-images.ts';
export { SYNTHETIC_CLASSES, SyntheticImages } from './synthetic-images.ts';
export {
  findSyntheticShards,
  writeSyntheticShards,
  type SyntheticProgress,
  type SyntheticShardsOptions,
  type WriteSyntheticShardsOptions,
} from './synthetic-shards.ts';

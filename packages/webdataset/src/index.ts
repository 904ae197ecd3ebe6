export {
  ShardsNotFoundError,
  TooManyFailuresError,
  WebDatasetError,
  type WebDatasetErrorCode,
  type WebDatasetErrorDetails,
} from './errors.ts';
export type { ArrayToWrite } from './encode/npy.ts';
export { IMAGE_FIELDS } from './fields.ts';
export { findShards } from './find-shards.ts';
export type { ImageShape } from './decode/image/image-value.ts';
export type { DecodeContext, RandomNumbers } from './decode/decode-context.ts';
export { DecodeFault } from './decode/decode-fault.ts';
export type { BatchOf, Decoder, DecodersOf, DecoderTable, DefaultDecoder, Fields, SampleOf } from './decode/decoder.ts';
export { bytes, fromModule, image, integer, json, msgpack, npy, optional, text } from './decode/decoders.ts';
export type { FromOptions, ImageOptions, ModuleDecoder, RasterOptions } from './decode/decoders.ts';
export { DEFAULT_DECODERS } from './decode/default-decoders.ts';
export type { Crop, ImageLayout, PixelType, RandomResizedCrop, Resize } from './decode/image/image-spec.ts';
export type { Image, ImageTensor, Pixels } from './decode/image/image-value.ts';
export type { NpyArray, NpyTypes } from './decode/npy.ts';
export type { Raster } from './decode/image/raster.ts';
export { Loader } from './loader.ts';
export type { LoaderOptions } from './loader/loader-options.ts';
export type { Batch, BatchHandle } from './loader/batch.ts';
export type { LoaderState } from './loader/state.ts';
export { SHARD_CHANNEL, type ShardEvent } from './loader/shard-events.ts';
export type { LoaderStats, StageStats } from './loader/stats.ts';
export { datasetFingerprint } from './order/fingerprint.ts';
export { Random, type RandomState } from './order/random.ts';
export { ShuffledOrder, type OrderKey, type ShuffledOrderState } from './order/shuffled-order.ts';
export { planVisits, type OrderSettings, type Remainder, type Visit, type VisitPlan } from './order/visits.ts';
export { probeImage, type ProbedImage } from './probe-image.ts';
export { indexPathOf } from './shard-index/index-path.ts';
export { INDEX_CHANNEL, type IndexEvent } from './shard-index/index-events.ts';
export { findIndex, indexShards, loadIndex, type IndexProgress, type IndexShardsOptions } from './shard-index/index-shards.ts';
export { indexShard, type IndexShardOptions } from './shard-index/index-shard.ts';
export type { IndexOptions, NameRule } from './shard-index/index-store.ts';
export { formatIndex, parseIndex, type ParseIndexOptions } from './shard-index/index-text.ts';
export type { DuplicateField, IndexedField, IndexedSample, ShardIndex } from './shard-index/shard-index.ts';
export { ShardReader, type RawSample } from './shard-reader.ts';
export { groupSamples, splitMemberName, type FieldName, type SampleGroup, type SplitName } from './sample.ts';
export type { FailureOptions, OnError } from './failure-policy.ts';
export { LazySample, type DefaultValue } from './lazy-sample.ts';
export { resolveShards } from './resolve-shards.ts';
export { samples, type Sample, type SamplesOptions, type Shards } from './samples.ts';
export { expandShards } from './shard-spec.ts';
export { ShardWriter, type FieldValue, type SampleToWrite, type ShardWriterOptions, type WrittenShard } from './shard-writer.ts';
export { SKIPPED_CHANNEL, type SkippedEvent } from './skipped.ts';
export { describeShard, type ShardDescription } from './source/describe-shard.ts';
export { locate, type LocatedShard } from './source/locate.ts';
export { openShard, type OpenShardOptions } from './source/open-shard.ts';
export type { ShardBytes, ShardLocation } from './source/shard-bytes.ts';
export type { ByteStream, CustomShard, ShardInput } from './source/shard-input.ts';
export { readTar, scanTar, type ReadTarDataOptions, type ReadTarOptions, type TarEntry, type TarMembers } from './tar/reader.ts';
export type { TarInput } from './tar/open-archive.ts';
export type { TarMember, TarMemberType } from './tar/member.ts';
export { TarWriter, type TarFile, type TarSink } from './tar/writer.ts';
export { abortable } from './stages/abortable.ts';
export { batch, type BatchOptions, type Collated } from './stages/batch.ts';
export { filter } from './stages/filter.ts';
export { map, type MapOptions } from './stages/map.ts';
export { mix, type ItemOf, type MixOptions } from './stages/mix.ts';
export { pipe } from './stages/pipe.ts';
export { shuffle, type ShuffleOptions } from './stages/shuffle.ts';
export { split } from './stages/split.ts';
export type { Items, PassingStage, Stage } from './stages/stage.ts';
export { take } from './stages/take.ts';

import { ShardWriter } from '@warpforge/webdataset';
import { encodeImages } from '@warpforge/webdataset/synthetic';
import type { DataSet } from '../datasets/data-set.ts';
import type { JobContext } from '../job-context.ts';
import type { DemoPlan, ShardLayout } from '../plan.ts';
import { formatBytes } from '../terminal.ts';

/** A sample's key is its number in the data set, with this many digits. */
const KEY_DIGITS = 8;

/** A shard on the local disk. */
export interface ShardFile {
  readonly split: 'train' | 'test';
  /** Number in its split, from 0. */
  readonly index: number;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Writes both splits as WebDataset shards: members `%08d.jpg` and `%08d.cls`, with keys that are unique over the whole data set. */
export async function writeShards(context: JobContext, dataSet: DataSet, plan: DemoPlan): Promise<readonly ShardFile[]> {
  const train = await writeSplit(context, dataSet, 'train', plan.train, 0);
  const test = await writeSplit(context, dataSet, 'test', plan.test, plan.train.images);
  const shards = [...train, ...test];
  const bytes = shards.reduce((sum, shard) => sum + shard.size, 0);
  context.terminal.detail(`${train.length} training and ${test.length} test shards, ${formatBytes(bytes)}`);
  return shards;
}

async function writeSplit(
  { supervisor, terminal, work }: JobContext,
  dataSet: DataSet,
  split: 'train' | 'test',
  layout: ShardLayout,
  firstKey: number,
): Promise<ShardFile[]> {
  const directory = await work.folder('shards', split);
  using progress = terminal.progress(`writing ${split}`, layout.images, 'images');
  // The layout alone decides where a shard ends.
  await using writer = new ShardWriter({ directory, maxCount: layout.imagesPerShard, maxSize: Number.MAX_SAFE_INTEGER });
  let written = 0;
  for await (const { jpeg, label } of encodeImages(dataSet[split].images(), dataSet)) {
    supervisor.signal.throwIfAborted();
    await writer.write({ __key__: String(firstKey + written).padStart(KEY_DIGITS, '0'), jpg: jpeg, cls: label });
    written += 1;
    progress.update(written);
    if (written === layout.images) break;
  }
  const shards = await writer.close();
  return shards.map(({ path, size }, index) => ({ split, index, path, size }));
}

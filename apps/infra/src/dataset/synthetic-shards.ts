import { basename } from 'node:path';
import type { WrittenShard } from '@warpforge/webdataset';
import { formatDuration } from '../format.ts';
import { progressView } from '../progress.ts';
import type { DatasetShard } from './dataset-shard.ts';

/** What a synthetic data set is made of, and where. */
export interface SyntheticDataset {
  readonly directory: string;
  readonly shards: number;
  readonly imagesPerShard: number;
  /** Width and height of an image in pixels. */
  readonly size: number;
  readonly seed: number;
}

/** Makes the shards that are not there yet, and shows how far it is. */
export async function makeSyntheticShards(dataset: SyntheticDataset, signal: AbortSignal): Promise<readonly DatasetShard[]> {
  const { writeSyntheticShards } = await import('@warpforge/webdataset/synthetic');
  const view = await progressView(process.stderr, 'making shards');
  const start = performance.now();
  try {
    const written = await writeSyntheticShards({
      ...dataset,
      signal,
      onProgress: ({ images, totalImages, shards, totalShards }) => {
        const elapsedMs = performance.now() - start;
        const eta = images === 0 ? '?' : formatDuration((elapsedMs * (totalImages - images)) / images);
        view.update({
          done: images,
          total: totalImages,
          text: `${shards}/${totalShards} shards | ${images}/${totalImages} images | ETA ${eta}`,
        });
      },
    });
    return written.map(toDatasetShard);
  } finally {
    view.finish();
  }
}

/** The shards that {@link makeSyntheticShards} would make; with their paths when all of them are there. */
export async function expectedSyntheticShards(dataset: SyntheticDataset): Promise<readonly DatasetShard[]> {
  const { findSyntheticShards } = await import('@warpforge/webdataset/synthetic');
  const found = await findSyntheticShards(dataset);
  if (found.length === dataset.shards) return found.map(toDatasetShard);
  return Array.from({ length: dataset.shards }, (_, number) => ({
    name: `shard-${String(number).padStart(6, '0')}.tar`,
    number,
    path: undefined,
    index: { path: undefined },
  }));
}

function toDatasetShard({ path, indexPath }: WrittenShard, number: number): DatasetShard {
  return { name: basename(path), number, path, index: indexPath === undefined ? undefined : { path: indexPath } };
}

import { groupSamples, probeImage, readTar, WebDatasetError } from '@warpforge/webdataset';
import type { ProbedImage } from '@warpforge/webdataset';
import type { Dataset } from './dataset.ts';
import { checkLabels } from './labels.ts';

/** What the first sample of a data set tells about the others, before anything is started. */

/** The shape of the first image. A damaged one is passed over if `skips`: then that of the first image of a later shard. */
export async function firstImage({ shards }: Dataset, skips: boolean): Promise<ProbedImage> {
  if (skips) {
    for (const shard of shards.slice(0, -1)) {
      try {
        return await probeImage([shard]);
      } catch (error) {
        // What is damaged is told by the loader, which counts it.
        if (!(error instanceof WebDatasetError)) throw error;
      }
    }
    return await probeImage(shards.slice(-1));
  }
  return await probeImage(shards);
}

/** Throws if the label of the first sample of a root is no class: a wrong number of classes, or a wrong folder, is told at once. */
export async function checkFirstLabels({ roots }: Dataset, classes: number): Promise<void> {
  for (const { shards } of roots) {
    const [shard] = shards;
    if (shard === undefined) continue;
    try {
      for await (const { key, fields } of groupSamples(readTar(shard), shard)) {
        const text = fields.get('cls')?.data.toString('latin1').trim() ?? '';
        if (/^[+-]?\d+$/.test(text)) checkLabels(Int32Array.of(Number(text)), [key], [shard], classes);
        break;
      }
    } catch (error) {
      // A damaged shard is a matter of the loader, which knows what to do about it.
      if (!(error instanceof WebDatasetError)) throw error;
    }
  }
}

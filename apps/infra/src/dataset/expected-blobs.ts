import type { ContainerTarget, ExpectedBlob } from '@warpforge/azure-infra';
import { accountOf, indexNameOf, type DatasetShard } from './dataset-shard.ts';

/** The containers of both accounts. */
export interface DatasetTargets {
  readonly a: ContainerTarget;
  readonly b: ContainerTarget;
}

/** Which blobs make up a data set: each shard in its account, and its index beside it. */
export function expectedBlobs(shards: readonly DatasetShard[], targets: DatasetTargets, prefix: string): readonly ExpectedBlob[] {
  return shards.flatMap((shard) => {
    const target = targets[accountOf(shard)];
    const blob = { target, blobName: prefix + shard.name, path: shard.path };
    return shard.index === undefined ? [blob] : [blob, { target, blobName: prefix + indexNameOf(shard), path: shard.index.path }];
  });
}

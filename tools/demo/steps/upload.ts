import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import pLimit from 'p-limit';
import { DemoError } from '../errors.ts';
import type { JobContext } from '../job-context.ts';
import { formatBytes } from '../terminal.ts';
import { REGIONS, type Region, type Storage } from './start-storage.ts';
import type { ShardFile } from './write-shards.ts';

/** The container of the deployment guide, in both accounts. */
export const CONTAINER = 'coco2017-wds';

/** As many as the deployment guide's upload; more gain nothing on one disk. */
const PARALLEL_UPLOADS = 8;

/** Even shards go to the first account, odd ones to the second. */
export function regionOf(shard: Pick<ShardFile, 'index'>): Region {
  return shard.index % 2 === 0 ? 'canadacentral' : 'westus3';
}

/** Name of the blob. */
export function blobName({ split, path }: Pick<ShardFile, 'split' | 'path'>): string {
  return `${split}/${basename(path)}`;
}

/** Uploads every shard to its account, in parallel, and proves by size and MD5 that what the store took is what was written. */
export async function uploadShards({ supervisor, terminal }: JobContext, storage: Storage, shards: readonly ShardFile[]): Promise<void> {
  const { signal } = supervisor;
  const containers = Object.fromEntries(REGIONS.map((region) => [region, containerOf(storage, region)]));
  for (const container of Object.values(containers)) await container.create({ abortSignal: signal });
  using progress = terminal.progress('uploading', shards.length, 'shards');
  const limit = pLimit(PARALLEL_UPLOADS);
  let done = 0;
  let bytes = 0;
  await limit.map(shards, async (shard) => {
    signal.throwIfAborted();
    const container = containers[regionOf(shard)];
    if (container === undefined) throw new Error(`no container for shard ${shard.index}`);
    await uploadVerified(container, shard, signal);
    done += 1;
    bytes += shard.size;
    progress.update(done, formatBytes(bytes));
  });
}

function containerOf({ accounts }: Storage, region: Region): ContainerClient {
  const { name, key, blobEndpoint } = accounts[region];
  return new ContainerClient(`${blobEndpoint}/${CONTAINER}`, new StorageSharedKeyCredential(name, key));
}

/** One `Put Blob` a shard: the store answers with the MD5 of the bytes that it has received. */
async function uploadVerified(container: ContainerClient, shard: ShardFile, signal: AbortSignal): Promise<void> {
  const name = blobName(shard);
  const client = container.getBlockBlobClient(name);
  const digest = await md5(shard.path, signal);
  const { contentMD5 } = await client.upload(() => createReadStream(shard.path), shard.size, { abortSignal: signal });
  if (contentMD5 === undefined || !digest.equals(contentMD5)) {
    throw new DemoError('UPLOAD_WRONG', `${container.accountName}: ${name} arrived with another MD5 than it was sent with`);
  }
  const { contentLength } = await client.getProperties({ abortSignal: signal });
  if (contentLength !== shard.size) {
    throw new DemoError('UPLOAD_WRONG', `${container.accountName}: ${name} has ${contentLength ?? 0} bytes and not ${shard.size}`);
  }
}

async function md5(path: string, signal: AbortSignal): Promise<Buffer> {
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest();
}

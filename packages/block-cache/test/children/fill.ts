import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { BlockCache } from '../../src/index.ts';
import { blobContents } from '../content.ts';

/** Fills the cache in the given directory with the blobs of {@link blobContents}, as fast as it can, and tells what it has done. */
const [directory = '', seed = '0', maxSizeBytes = ''] = process.argv.slice(2);
const backend = new MemoryBackend();
const blobs = blobContents().map(({ path, content }) => backend.put(path, content));
const cache = await BlockCache.open({ directory, maxSizeBytes: Number(maxSizeBytes), blockSizeBytes: 256 * 1024, evictLowWater: 0.5 });
let state = Number(seed) + 1;
/** Next number below `limit` (a linear congruential generator: the parent chooses the seed). */
function next(limit: number): number {
  state = (state * 48_271) % 2_147_483_647;
  return state % limit;
}
for (;;) {
  const blob = blobs[next(blobs.length)];
  if (blob === undefined) continue;
  if (next(4) === 0) {
    const report = await cache.warm(backend, [blob]);
    process.stdout.write(report.complete === 1 ? `complete ${blob.path}\n` : 'tried\n');
  } else {
    await using file = await cache.openFile(backend, blob);
    await Promise.all(Array.from({ length: 4 }, () => file.read(next(blob.size), next(600_000))));
    process.stdout.write('read\n');
  }
}

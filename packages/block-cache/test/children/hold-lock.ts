import { BlockCache } from '../../src/index.ts';

/** Opens the cache in the given directory, says so, and holds it until it is killed. */
const cache = await BlockCache.open({ directory: process.argv[2] ?? '', maxSizeBytes: 1024 * 1024 });
process.stdout.write(`open ${cache.stats().files}\n`);
setInterval(() => undefined, 1000);

export { BlockCache, type CacheStats } from './block-cache.ts';
export type { CachedFile } from './cached-file.ts';
export { CacheError, CacheLockedError, type CacheErrorCode, type LockOwner } from './errors.ts';
export { channels, type CorruptionEvent, type DegradedEvent, type EvictionEvent, type ReadEvent } from './events.ts';
export type { BlockCacheOptions } from './options.ts';
export { readVerified, type ThreadView } from './thread-view.ts';
export type { WarmFailure, WarmOptions, WarmProgress, WarmReport } from './warm.ts';

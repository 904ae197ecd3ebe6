import type { CacheWarmerStorage } from '../storage.ts';
import { storageNames } from '../storage-names.ts';
import { CrashingQueue, CrashingRecords, type CrashPlan } from './crash-points.ts';
import { MemoryQueue } from './memory-queue.ts';
import { MemoryRecords } from './memory-records.ts';

/** The storage of a CacheWarmer in memory; `create` must be called as with any. @param now milliseconds since 1970; leases end by it. */
export function memoryStorage(prefix: string, now: () => number): CacheWarmerStorage {
  const names = storageNames(prefix);
  return withCreate(prefix, {
    jobs: new MemoryQueue(names.jobs, now),
    work: new MemoryQueue(names.work, now),
    jobPoison: new MemoryQueue(names.jobPoison, now),
    workPoison: new MemoryQueue(names.workPoison, now),
    records: new MemoryRecords(names.records, now),
  });
}

/** A storage as a process sees it that is cut where a plan says. */
export function crashingStorage({ prefix, ...storage }: CacheWarmerStorage, plan: CrashPlan): CacheWarmerStorage {
  return withCreate(prefix, {
    jobs: new CrashingQueue(storage.jobs, plan),
    work: new CrashingQueue(storage.work, plan),
    jobPoison: new CrashingQueue(storage.jobPoison, plan),
    workPoison: new CrashingQueue(storage.workPoison, plan),
    records: new CrashingRecords(storage.records, plan),
  });
}

function withCreate(prefix: string, parts: Omit<CacheWarmerStorage, 'prefix' | 'create'>): CacheWarmerStorage {
  return {
    prefix,
    ...parts,
    async create(signal) {
      await Promise.all(Object.values(parts).map((part) => part.create(signal)));
    },
  };
}

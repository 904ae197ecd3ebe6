export type { ConformanceCase } from './conformance-case.ts';
export { Crash, CrashPlan, CrashingQueue, CrashingRecords } from './crash-points.ts';
export { FakeImds } from './fake-imds.ts';
export { MemoryQueue } from './memory-queue.ts';
export { MemoryRecords } from './memory-records.ts';
export { crashingStorage, memoryStorage } from './memory-storage.ts';
export { queueConformance, type QueueHarness } from './queue-conformance.ts';
export { recordsConformance, type RecordsHarness } from './records-conformance.ts';

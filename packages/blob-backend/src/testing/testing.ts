export { AzuriteStartError } from './azurite-child.ts';
export { startAzurite, type Azurite, type AzuriteAccount, type AzuriteOptions } from './azurite.ts';
export { FaultyBackend, type Gate, type RequestMatch } from './faulty-backend.ts';
export { MemoryBackend, type MemoryBackendOptions, type MemoryRequests } from './memory-backend.ts';
export { backendConformance, type ConformanceCase, type ConformanceHarness } from './conformance.ts';

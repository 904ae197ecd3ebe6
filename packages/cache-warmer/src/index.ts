export { WarmJobError, type WarmJobErrorCode, type WarmJobFault } from './job/errors.ts';
export { parseWarmJob, type WarmJob } from './job/warm-job.ts';

export { WarmJobError, type WarmJobErrorCode, type WarmJobFault } from './errors.ts';
export { parseWarmJob, type WarmJob } from './warm-job.ts';

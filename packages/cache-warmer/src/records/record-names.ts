// Everything of one queue prefix is in one container. Numbers are padded so that names sort as they count.

const PAGE_DIGITS = 6;
/** Of the number of an item in a name. */
export const ITEM_DIGITS = 9;

/** The job as it was accepted. Who works on the job holds the lease on this record. */
export function jobName(job: string): string {
  return `jobs/${job}/job.json`;
}

/** The manifest; its presence means that the walk is over. */
export function manifestName(job: string): string {
  return `jobs/${job}/manifest.json`;
}

/** A page of a walk. Walks have pages of their own, so that one that lost its lease overwrites nothing. */
export function pageName(job: string, walk: string, page: number): string {
  return `jobs/${job}/pages/${walk}/${String(page).padStart(PAGE_DIGITS, '0')}.json`;
}

/** How far the manager has come with queueing, and what the job has cost. */
export function progressName(job: string): string {
  return `jobs/${job}/progress.json`;
}

/** Written by the worker that has read an item, before it deletes the message. */
export function doneName(job: string, item: number): string {
  return `done/${job}/${padItem(item)}`;
}

/** Written when an item is given up. */
export function failedName(job: string, item: number): string {
  return `failed/${job}/${padItem(item)}`;
}

/** Of the names of all records of one outcome. `digits` narrows it: the records of items that begin with these. */
export function outcomePrefix(outcome: 'done' | 'failed', job: string, digits = ''): string {
  return `${outcome}/${job}/${digits}`;
}

/** The number of the item whose record has this name; NaN when it is the name of something else. */
export function itemOfName(name: string): number {
  const digits = name.slice(name.lastIndexOf('/') + 1);
  return digits.length === ITEM_DIGITS && /^\d+$/.test(digits) ? Number(digits) : NaN;
}

/** The number of an item as records have it. */
export function padItem(item: number): string {
  return String(item).padStart(ITEM_DIGITS, '0');
}

/** The report; its presence means that the job has ended. */
export function reportName(job: string): string {
  return `reports/${job}.json`;
}

/** The report for people. */
export function summaryName(job: string): string {
  return `reports/${job}.txt`;
}

/** Of the names of all reports. */
export const REPORT_PREFIX = 'reports/';

/** Where a worker says that it lives and whether it has work. */
export function workerName(worker: string): string {
  return `workers/${worker}`;
}

/** Of the names of all workers. */
export const WORKER_PREFIX = 'workers/';

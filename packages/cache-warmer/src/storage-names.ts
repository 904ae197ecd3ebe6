import { StorageError } from './storage-error.ts';

/** What the queues and the container of a CacheWarmer are called. */
export interface StorageNames {
  readonly jobs: string;
  readonly work: string;
  readonly jobPoison: string;
  readonly workPoison: string;
  readonly records: string;
}

/** Of a queue and of a container: https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata */
const LONGEST_NAME = 63;
const LONGEST_SUFFIX = 'work-poison'.length;
const PREFIX = /^[a-z0-9](?:-?[a-z0-9])*-?$/;

/**
 * The names that begin with a prefix. @throws {StorageError} `PREFIX_INVALID` when Azure would not take them.
 */
export function storageNames(prefix: string): StorageNames {
  if (prefix.length > LONGEST_NAME - LONGEST_SUFFIX || !PREFIX.test(prefix)) {
    throw new StorageError(
      'PREFIX_INVALID',
      `the queue prefix ${JSON.stringify(prefix)} cannot begin the names of queues: it must have 1 to ${LONGEST_NAME - LONGEST_SUFFIX} ` +
        'lower-case letters, digits and single dashes, and begin with a letter or digit',
    );
  }
  return {
    jobs: `${prefix}job`,
    work: `${prefix}work`,
    jobPoison: `${prefix}job-poison`,
    workPoison: `${prefix}work-poison`,
    records: `${prefix}records`,
  };
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One fio job that only reads. */
export interface FioRead {
  readonly file: string;
  readonly pattern: 'read' | 'randread';
  /** Request size in fio's notation, such as `1M` or `4k`. */
  readonly blockSize: string;
  /** Bytes to read in total; the job may pass over the file more than once. */
  readonly totalBytes: number;
  /**
   * Whether fio first asks the kernel to forget the file's pages. Through a FUSE mount this drops only the mount's own pages, so that
   * every read reaches the daemon, while the pages of the cache file on disk stay.
   */
  readonly dropPages: boolean;
}

interface FioReport {
  readonly jobs: readonly { readonly read: { readonly bw_bytes: number; readonly iops: number; readonly io_bytes: number } }[];
}

/** Result of a job. */
export interface FioResult {
  readonly bytesPerSecond: number;
  readonly readsPerSecond: number;
}

/** The command line, as it stands in the report. */
export function fioArguments({ file, pattern, blockSize, totalBytes, dropPages }: FioRead): string[] {
  return [
    '--name=read',
    `--filename=${file}`,
    '--readonly',
    '--ioengine=psync',
    `--rw=${pattern}`,
    `--bs=${blockSize}`,
    `--io_size=${totalBytes}`,
    '--randseed=42',
    // The same blocks in random order, each at most once a pass: no read is answered by the page an earlier one left.
    `--invalidate=${dropPages ? 1 : 0}`,
    '--output-format=json',
  ];
}

/** Runs fio and reads its own figures. Fails when it read less than asked. */
export async function fio(job: FioRead): Promise<FioResult> {
  const { stdout } = await run('fio', fioArguments(job), { maxBuffer: 16 * 1024 * 1024 });
  // fio may print notes before the JSON.
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioReport;
  const read = report.jobs[0]?.read;
  if (read === undefined || read.io_bytes < job.totalBytes) {
    throw new Error(`fio read ${read?.io_bytes ?? 0} of ${job.totalBytes} bytes of ${job.file}`);
  }
  return { bytesPerSecond: read.bw_bytes, readsPerSecond: read.iops };
}

import type { JobReport } from './job-report.ts';

/** So many of the failures are read by a person; the report has more. */
const FAILURES_SHOWN = 20;

/** The report for people: a line each for what was asked, what was read and what was not. */
export function summarise(report: JobReport): string {
  const { state, target, files, bytes, seconds, bytesPerSecond, addresses, skipped, failed, failedCount } = report;
  const head = { warm: 'warm', incomplete: `INCOMPLETE, ${failedCount} not warm`, rejected: 'REJECTED' }[state];
  const lines = [`${target}: ${head}`];
  if (state !== 'rejected') {
    lines.push(`  read     ${count(files, 'file')}, ${size(bytes)} in ${duration(seconds)}, ${size(bytesPerSecond)}/s`);
    for (const [address, read] of Object.entries(addresses)) {
      lines.push(`  through  ${address}: ${count(read.files, 'file')}, ${size(read.bytes)}`);
    }
    const left = Object.entries(skipped).filter(([, files]) => files > 0);
    if (left.length > 0) lines.push(`  skipped  ${left.map(([by, files]) => `${files} by ${by}`).join(', ')}`);
  }
  for (const { path, reason, range } of failed.slice(0, FAILURES_SHOWN)) {
    lines.push(`  failed   ${path}${range === undefined ? '' : ` bytes ${range.start} to ${range.end}`}: ${reason}`);
  }
  const more = failedCount - Math.min(failed.length, FAILURES_SHOWN);
  if (more > 0) lines.push(`  and ${more} more, in the report of job ${report.job}`);
  return `${lines.join('\n')}\n`;
}

function count(n: number, what: string): string {
  return `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function size(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 2 ** (10 * unit)).toFixed(unit === 0 ? 0 : 1)} ${UNITS[unit] ?? ''}`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

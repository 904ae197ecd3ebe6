import type { DatasetDifference, DatasetReport, UploadedFile, UploadProgress } from '@warpforge/azure-infra';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';

/** `3/40 files | 30.0 MiB/200.0 MiB | 120.5 MB/s | ETA 1.4s` */
export function describeUpload({ filesDone, files, bytesDone, bytes }: UploadProgress, elapsedMs: number): string {
  const eta = bytesDone === 0 ? '?' : formatDuration((elapsedMs * (bytes - bytesDone)) / bytesDone);
  return `${filesDone}/${files} files | ${formatBytes(bytesDone)}/${formatBytes(bytes)} | ${formatRate(bytesDone, elapsedMs)} | ETA ${eta}`;
}

/** What was uploaded, in one line. */
export function describeUploaded(files: readonly UploadedFile[], elapsedMs: number): string {
  const present = files.filter(({ outcome }) => outcome === 'present').length;
  const sent = files.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return (
    `${formatCount(files.length, 'file')}, ${formatBytes(total)}, in place and verified: ` +
    `${files.length - present} uploaded (${formatBytes(sent)} in ${formatDuration(elapsedMs)}), ${present} there already`
  );
}

/** What a comparison has found to be right, in one line. */
export function describeVerified({ same, bytes, compared }: DatasetReport): string {
  const how =
    compared === same
      ? 'compared with the files by MD5'
      : 'whose contents were not compared, since the files are not on this machine; their names are those of the settings';
  return `${formatCount(same, 'blob')}, ${formatBytes(bytes)}, as they should be, ${how}`;
}

/** More would push what matters off the screen; `--json` has all. */
const SHOWN = 20;

/** What a comparison has found to be wrong. */
export function describeDifferences(differences: readonly DatasetDifference[]): string {
  const lines = differences.slice(0, SHOWN).map((difference) => `  ${describeDifference(difference)}`);
  if (differences.length > SHOWN) lines.push(`  … and ${differences.length - SHOWN} more; --json lists all`);
  const fix = differences.every(({ kind }) => kind === 'extra') ? '' : '; "warpforge-infra dataset" uploads what is missing or differs';
  const noun = differences.length === 1 ? 'blob is' : 'blobs are';
  return [`${differences.length} ${noun} not as they should be${fix}:`, ...lines].join('\n');
}

function describeDifference({ target, blob, kind, expected, found }: DatasetDifference): string {
  const place = `${target.account}/${target.container}/${blob}`;
  switch (kind) {
    case 'missing':
      return `${place}: is missing`;
    case 'extra':
      return `${place}: nothing asks for it, and trainers would read it`;
    case 'empty':
      return `${place}: is empty`;
    case 'size':
      return `${place}: has ${found ?? '?'} bytes, the file ${expected ?? '?'}`;
    case 'md5':
      return `${place}: has the MD5 ${found ?? '?'}, the file ${expected ?? '?'}`;
    case 'no-md5':
      return `${place}: was stored without an MD5, so nothing tells whether it is whole`;
  }
}

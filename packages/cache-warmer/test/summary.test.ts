import { describe, expect, it } from 'vitest';
import { summarise, type JobReport } from '../src/index.ts';

const REPORT: JobReport = {
  version: 1,
  job: 'j',
  state: 'warm',
  target: '/e/t through a, b',
  submittedAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:01:30.000Z',
  seconds: 90,
  files: 1_234,
  bytes: 3 * 2 ** 30,
  bytesPerSecond: 2 ** 25,
  addresses: { a: { files: 1_000, bytes: 2 ** 31 }, b: { files: 234, bytes: 2 ** 30 } },
  skipped: { inclusion: 0, exclusion: 2, size: 1, links: 0, special: 0 },
  failed: [],
  failedCount: 0,
  instanceHours: 0,
};

describe('the summary of a report', () => {
  it('says what was read, through what, and what was left out', () => {
    expect(summarise(REPORT)).toBe(
      [
        '/e/t through a, b: warm',
        '  read     1,234 files, 3.0 GiB in 1 min 30 s, 32.0 MiB/s',
        '  through  a: 1,000 files, 2.0 GiB',
        '  through  b: 234 files, 1.0 GiB',
        '  skipped  2 by exclusion, 1 by size',
        '',
      ].join('\n'),
    );
  });

  it('lists what is not warm, and where the rest is', () => {
    const failed = Array.from({ length: 25 }, (_, index) => ({
      path: `f${index}`,
      reason: 'EIO',
      ...(index === 0 ? { range: { start: 0, end: 9 } } : {}),
    }));
    const lines = summarise({ ...REPORT, state: 'incomplete', failed, failedCount: 40 }).split('\n');
    expect(lines[0]).toBe('/e/t through a, b: INCOMPLETE, 40 not warm');
    expect(lines).toContain('  failed   f0 bytes 0 to 9: EIO');
    expect(lines.filter((line) => line.startsWith('  failed'))).toHaveLength(20);
    expect(lines.at(-2)).toBe('  and 20 more, in the report of job j');
  });

  it('gives the reason alone where nothing was begun', () => {
    const rejected = { ...REPORT, state: 'rejected' as const, failed: [{ path: '/', reason: 'no JSON' }], failedCount: 1 };
    expect(summarise(rejected)).toBe('/e/t through a, b: REJECTED\n  failed   /: no JSON\n');
  });
});

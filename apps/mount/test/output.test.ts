import { describe, expect, it } from 'vitest';
import type { WarmEvent } from '../src/control/protocol.ts';
import { formatBytes, formatCount, formatDuration, formatRate, formatTable } from '../src/format.ts';
import { formatLine } from '../src/log.ts';
import { describeProgress, type ProgressView } from '../src/warm/progress.ts';
import { describeFailures, describeOutcome, WarmReport } from '../src/warm/warm-report.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [50 * 1024 ** 3, '50.0 GiB'],
    [2 ** 60, '1024.0 PiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, '0.0s'],
    [2345, '2.3s'],
    [59_949, '59.9s'],
    [61_000, '1m01s'],
    [3_599_000, '59m59s'],
    [90_061_000, '25h01m'],
  ])('%d ms are %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('rates, counts and tables', () => {
    expect(formatRate(25_000_000, 2_000)).toBe('12.5 MB/s');
    expect(formatRate(1, 0)).toBe('0.0 MB/s');
    expect([formatCount(1, 'file'), formatCount(2, 'file'), formatCount(0, 'file')]).toEqual(['1 file', '2 files', '0 files']);
    expect(
      formatTable([
        ['a', 'x'],
        ['long', 'y'],
      ]),
    ).toBe('a     x\nlong  y\n');
  });
});

describe('the log as text', () => {
  it('shows time, level, message and fields, quoted where need be', () => {
    const line = JSON.stringify({
      time: '2026-01-31T12:00:00.000Z',
      level: 'warn',
      message: 'a reader got EIO',
      path: 'a b',
      n: 1,
      list: [1],
    });
    expect(formatLine(line)).toBe('2026-01-31T12:00:00.000Z WARN  a reader got EIO path="a b" n=1 list=[1]\n');
  });
});

const progress = {
  type: 'progress',
  backend: 'a',
  files: 20,
  filesDone: 3,
  bytes: 200 * 1024 ** 2,
  bytesDone: 30 * 1024 ** 2,
  fetchedBytes: 0,
  listed: true,
  elapsedMs: 1_000,
} as const;

describe('the progress of a warm-up', () => {
  it('shows files, bytes, rate and time left', () => {
    expect(describeProgress(progress)).toBe('3/20 files | 30.0 MiB/200.0 MiB (15 %) | 31.5 MB/s | ETA 5.7s');
  });

  it('promises no end before the listing is through', () => {
    expect(describeProgress({ ...progress, listed: false })).toBe('3/20+ files | 30.0 MiB/200.0 MiB+ | 31.5 MB/s | ETA ?');
    expect(describeProgress({ ...progress, files: 0, filesDone: 0, bytes: 0, bytesDone: 0 })).toContain('ETA ?');
  });
});

describe('the report of a warm-up', () => {
  function report(events: readonly WarmEvent[]): { report: WarmReport; shown: string[] } {
    const shown: string[] = [];
    const view: ProgressView = { update: ({ filesDone }) => void shown.push(String(filesDone)), finish: () => void shown.push('end') };
    const result = new WarmReport(view);
    for (const event of events) result.take(event);
    return { report: result, shown };
  }
  const backend = { type: 'backend', backend: 'a', files: 2, complete: 2, bytes: 2048, fetchedBytes: 1024, elapsedMs: 100 } as const;
  const done = { type: 'done', files: 2, complete: 2, bytes: 2048, fetchedBytes: 1024, elapsedMs: 2_300 } as const;

  it('ends in one line that says Done', () => {
    const { report: result, shown } = report([progress, backend, done]);
    expect(shown).toEqual(['3', 'end']);
    expect(describeOutcome(result.outcome)).toBe(
      'a: 2 of 2 files complete, 2.0 KiB, of which 1.0 KiB fetched in 0.1s\nDone: Cache warming complete in 2.3s (2 files, 2.0 KiB, 0.0 MB/s)\n',
    );
  });

  it('never says Done when a file is not complete, and lists the first of those', () => {
    const failed = Array.from({ length: 25 }, (_, index) => ({ type: 'failed', backend: 'a', path: `f${index}`, message: 'no' }) as const);
    const { outcome } = report([...failed, { ...backend, complete: 0 }, { ...done, files: 25, complete: 0 }]).report;
    expect(describeOutcome(outcome)).not.toContain('Done');
    const lines = describeFailures(outcome).split('\n');
    expect(lines.slice(0, 2)).toEqual(['25 of 25 files are not complete in the cache:', '  a:f0: no']);
    expect(lines.at(-1)).toBe('  … and 5 more; --json lists all');
    expect(outcome.failed).toHaveLength(25);
  });

  it('does not say Done when it was cut off', () => {
    expect(describeOutcome(report([progress]).report.outcome)).not.toMatch(/Done.*[1-9]\d* file/);
  });
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withPart, writeReport } from '../bench/report.ts';
import { format, isMet, type Verdict } from '../bench/verdict.ts';

const verdict: Verdict = {
  question: 'How fast?',
  value: 1.234,
  bar: 1,
  aim: 2,
  sense: 'at-least',
  unit: 'ratio',
  series: [{ name: 'ours', values: [1000, 3], median: 501.5 }],
  seriesUnit: 'MB/s',
  commands: ['do it'],
};

describe('the page of benchmarks', () => {
  it('has a part for each suite, which only that suite rewrites', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'report-'));
    try {
      const file = join(folder, 'benchmarks.md');
      const common = { machine: [['Node', 'v0']] as const, date: new Date(0) };
      await writeReport(file, { ...common, suite: 'a', title: 'First', verdicts: [verdict] });
      await writeReport(file, { ...common, suite: 'b', title: 'Second', verdicts: [{ ...verdict, value: 0.5 }] });
      const both = await readFile(file, 'utf8');
      expect(both.match(/^# Benchmarks$/gm)).toHaveLength(1);
      expect(both).toContain('| How fast? | 1.23 | ≥ 1.00 | ≥ 2.00 | met |');
      expect(both).toContain('| How fast? | 0.50 | ≥ 1.00 | ≥ 2.00 | **missed** |');
      expect(both).toContain('| ours | 502 | 1,000, 3.00 |');
      await writeReport(file, { ...common, suite: 'a', title: 'First again', verdicts: [] });
      const again = await readFile(file, 'utf8');
      expect(again.slice(again.indexOf('<!-- begin b -->'))).toBe(both.slice(both.indexOf('<!-- begin b -->')));
      expect(again).toContain('## First again');
      expect(again).not.toContain('## First\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('keeps what people have written around the parts', () => {
    const page = withPart('# Mine\n\nHello.\n', 'a', 'one');
    expect(page).toBe('# Mine\n\nHello.\n\n<!-- begin a -->\n\none\n\n<!-- end a -->\n');
    expect(withPart(`${page}\nBye.\n`, 'a', 'two')).toBe('# Mine\n\nHello.\n\n<!-- begin a -->\n\ntwo\n\n<!-- end a -->\n\nBye.\n');
  });

  it('knows both directions and every unit', () => {
    expect(isMet(verdict)).toBe(true);
    expect(isMet({ ...verdict, sense: 'at-most' })).toBe(false);
    expect([format(0.987, 'ratio'), format(0.52, '%'), format(279.4, 'MiB'), format(1.26, 'MiB')]).toEqual([
      '0.99',
      '0.5 %',
      '279 MiB',
      '1.3 MiB',
    ]);
  });
});

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configSchema } from '../src/config/schema.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../src/report/figures.ts';
import { figuresOf, writeReport } from '../src/report/report.ts';
import { RunTrace } from '../src/report/run-trace.ts';
import type { SessionResult } from '../src/session/session.ts';
import { CHROMIUM } from './chromium.ts';
import { temporaryFolder } from './shards.ts';
import type { TemporaryFolder } from './shards.ts';

const STEPS = 300;

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A training that was not done, but could have been. */
function traced(dataMs: number): { trace: RunTrace; result: SessionResult } {
  let now = 0;
  const trace = new RunTrace(() => now);
  trace.onStart();
  for (let step = 1; step <= STEPS; step++) {
    now += dataMs + 10;
    trace.onStep(step, { images: 64, dataMs, computeMs: 10, loss: 2 / step });
    if (step % 100 === 0) trace.onEvaluation(step, { accuracy: step / 400, loss: 1 / step, images: 1000 });
  }
  const window = { steps: STEPS, images: STEPS * 64, imagesPerSec: 64_000 / (dataMs + 10), dataMs, computeMs: 10, loss: 0.01 };
  const result: SessionResult = {
    progress: { step: STEPS, position: { epoch: 0, batch: STEPS } },
    total: window,
    lastWindow: window,
    evaluation: { accuracy: 0.75, loss: 0.003, images: 1000 },
    read: {
      bytesByRoot: [
        { root: '/wd/<cac> & "train"', bytes: 3 * 2 ** 20 },
        { root: '/wd/wus3/train', bytes: 2 ** 20 },
      ],
      skipped: 2,
      stages: [],
    },
    firstBatchMs: 5,
    wallMs: now,
  };
  return { trace, result };
}

async function write(name: string, runs: ReturnType<typeof traced>[]): Promise<string> {
  const path = join(folder.path, name);
  const config = configSchema.parse({ train_root_a: '/wd/<cac> & "train"', train_root_b: '/wd/wus3/train', steps: STEPS });
  await writeReport(path, {
    title: 'Training <of a test>',
    config,
    runs: runs.map((run, index) => ({ name: runs.length === 1 ? '' : `run ${index + 1}`, ...run })),
    figures: runs.flatMap(({ result }) => figuresOf(result)),
    tables: [{ title: 'Numbers', head: ['', 'cold', 'warm'], rows: [['data_ms', '5.00', '1.00']] }],
    finished: new Date('2026-01-02T03:04:05.678Z'),
  });
  return path;
}

/** What the browser makes of the page, without a network; what it complains about is an error. */
async function openInBrowser(path: string): Promise<string> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND', '--enable-logging=stderr'];
  const { stdout, stderr } = await promisify(execFile)(
    CHROMIUM?.browser ?? '',
    [...flags, `--user-data-dir=${join(folder.path, 'profile')}`, '--dump-dom', `file://${path}`],
    { maxBuffer: 2 ** 24 },
  );
  expect(stderr.split('\n').filter((line) => line.includes('CONSOLE'))).toEqual([]);
  return stdout;
}

describe('a report', () => {
  it.skipIf(CHROMIUM === undefined)(
    'is one page without scripts and addresses, which a browser shows with all plots',
    async () => {
      const path = await write('one.html', [traced(5)]);
      const text = await readFile(path, 'utf8');
      expect(text).not.toMatch(/https?:|<script|<link|<img|url\((?!#)|@import|\bsrc=|\bhref=|\bon[a-z]+=/i);
      expect(text.length).toBeLessThan(200_000);
      const dom = await openInBrowser(path);
      const titles = [...dom.matchAll(/<figure><h2>([^<]*)<\/h2><svg /g)].map(([, title]) => title);
      expect(titles).toEqual(['Loss', 'Test accuracy', 'Images per second', 'Data and compute time', 'Bytes read']);
      // Each plot has the lines that it should have: training and test loss, accuracy, images a second, data and compute.
      const lines = dom
        .split('<figure>')
        .slice(1)
        .map((figure) => figure.match(/<path[^>]* stroke="var\(--series-\d\)"/g)?.length ?? 0);
      expect(lines.slice(0, 4).map((count) => Math.min(count, 2))).toEqual([2, 1, 1, 2]);
      for (const shown of ['3.00 MiB', '1.00 MiB', '75.0 %', '2026-01-02 03:04:05 UTC', 'Damaged, left out']) expect(dom).toContain(shown);
    },
    30_000,
  );

  it.skipIf(CHROMIUM === undefined)(
    'of two trainings lays them over each other',
    async () => {
      const dom = await openInBrowser(await write('two.html', [traced(5), traced(1)]));
      const titles = [...dom.matchAll(/<figure><h2>([^<]*)<\/h2><svg /g)].map(([, title]) => title);
      expect(titles).toEqual(['Loss', 'Test accuracy', 'Images per second', 'Data time', 'Compute time', 'Bytes read']);
      for (const figure of dom.split('<figure>').slice(3, 7)) expect(figure).toMatch(/run 1[\s\S]*run 2/);
      expect(dom).toContain('<tr><th scope="row">data_ms</th><td>5.00</td><td>1.00</td></tr>');
    },
    30_000,
  );

  it('shows names as they are, whatever signs they have', async () => {
    const text = await readFile(await write('signs.html', [traced(1)]), 'utf8');
    expect(text).toContain('<h1>Training &lt;of a test&gt;</h1>');
    expect(text).toContain('<td>/wd/&lt;cac&gt; &amp; &quot;train&quot;</td>');
    expect(text).not.toContain('<cac>');
  });

  it('can be of a training that did not come to its first step', async () => {
    const { result } = traced(1);
    const none = { ...result, lastWindow: undefined, evaluation: undefined, read: { ...result.read, skipped: 0 } };
    const text = await readFile(await write('none.html', [{ trace: new RunTrace(() => 0), result: none }]), 'utf8');
    expect(text).toContain('<h2>Loss</h2><svg');
    expect(text).not.toContain('NaN');
  });
});

describe('numbers', () => {
  it('are rounded to what a person reads', () => {
    expect([0, 0.01234, 12.345, 99.96, 123.4, 1_234_567].map(formatNumber)).toEqual(['0', '0.0123', '12.3', '100', '123', '1,234,567']);
    expect([0, 1023, 1024, 1536, 10 * 2 ** 20, 5 * 2 ** 60].map(formatBytes)).toEqual([
      '0 B',
      '1,023 B',
      '1.00 KiB',
      '1.50 KiB',
      '10.0 MiB',
      '5120.0 PiB',
    ]);
    expect([0.1234, 999, 1000, 59_940, 60_000, 3_599_600, 7_500_000].map(formatDuration)).toEqual([
      '0.123 ms',
      '999 ms',
      '1 s',
      '59.9 s',
      '1 min 0 s',
      '1 h 0 min',
      '2 h 5 min',
    ]);
    expect(formatPercent(0.98765)).toBe('98.8 %');
  });
});

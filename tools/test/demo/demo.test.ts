import { accessSync, constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RunningDemo, TINY } from './running-demo.ts';

interface Run {
  readonly imagesPerSec: number;
  readonly dataMs: number;
  readonly computeMs: number;
  readonly networkBytes: number;
}

interface Result {
  readonly dataset: string;
  readonly read: string;
  readonly transport: string;
  readonly steps: number;
  readonly testAccuracy: number;
  readonly cold: Run;
  readonly warm: Run;
}

/** The object of `--json`, which must be the only line on standard output. */
function resultOf(stdout: string): Result {
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Result;
}

/** As long as the default demo may take on two cores. */
const FOUR_MINUTES_MS = 240_000;

const LOG_LINE = /^step=\d+ {2}images_per_sec=\d+\.\d {2}data_ms=\d+\.\d{2} {2}compute_ms=\d+\.\d{2} {2}loss=\d+\.\d{4}$/m;

describe('the demo', () => {
  it(
    'learns the real digits with its defaults, through the mount',
    async () => {
      await using demo = new RunningDemo(['--json']);
      const { code, stdout, stderr } = await demo.end;
      expect(code, stderr).toBe(0);
      const result = resultOf(stdout);
      expect(result).toMatchObject({ dataset: 'digits', read: 'fuse', transport: 'kernel' });
      expect(result.testAccuracy).toBeGreaterThanOrEqual(0.96);
      expect(result.cold.networkBytes).toBeGreaterThan(1e6);
      expect(result.warm.networkBytes).toBe(0);
      for (const run of [result.cold, result.warm]) {
        expect(run.imagesPerSec).toBeGreaterThan(0);
        expect(run.dataMs).toBeGreaterThanOrEqual(0);
        expect(run.computeMs).toBeGreaterThan(0);
      }
      expect(stderr).toMatch(LOG_LINE);
      expect(stderr).toMatch(/\/datasets-cac\/train +shard-000000\.tar +shard-000002\.tar/);
      expect(stderr).toMatch(/\/datasets-wus3\/train +shard-000001\.tar +shard-000003\.tar/);
      expect(stderr).toMatch(/datasets-wus3: (\d+) of \1 files complete and verified/);
      expect(stderr).toMatch(/warpdrive_backend_bytes_read_total\{backend="datasets-cac"\} +0 +\d+,\d{3},\d{3}/);
      await demo.expectNothingLeft();
    },
    FOUR_MINUTES_MS,
  );

  it('prints everything on standard output without --json, and keeps the work folder when asked to', async () => {
    await using demo = new RunningDemo([...TINY, '--keep']);
    const { code, stdout, stderr } = await demo.end;
    expect(code, stdout + stderr).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(LOG_LINE);
    expect(stdout).toMatch(/^ {4}images\/s +[\d.]+ +[\d.]+ +[\d.]+x$/m);
    const [, kept] = /The work folder (\S+) is kept/.exec(stdout) ?? [];
    for (const path of ['config.yaml', 'logs/warpdrive-serve.log', 'shards/train/shard-000003.tar', 'cache']) {
      accessSync(`${kept ?? ''}/${path}`, constants.R_OK);
    }
  });

  it('reads in process when asked to, and says so', async () => {
    await using demo = new RunningDemo([...TINY, '--read', 'in-process', '--json']);
    const { code, stdout, stderr } = await demo.end;
    expect(code, stderr).toBe(0);
    const result = resultOf(stdout);
    expect(result).toMatchObject({ dataset: 'synthetic', read: 'in-process', transport: 'none', steps: 12 });
    expect(result.cold.networkBytes).toBeGreaterThan(0);
    expect(result.warm.networkBytes).toBe(0);
    expect(stderr).toContain('read in process, without a mount');
    await demo.expectNothingLeft();
  });

  it.runIf(process.getuid?.() === 0)('reads in process where mounting is not permitted, and says why', async () => {
    // Nobody may not mount: the device belongs to root, or the helper is missing or refuses.
    await using demo = new RunningDemo([...TINY, '--json'], { uid: 65_534 });
    const { code, stdout, stderr } = await demo.end;
    expect(code, stderr).toBe(0);
    expect(resultOf(stdout)).toMatchObject({ read: 'in-process', transport: 'none' });
    expect(stderr).toMatch(/No mount: .+/);
    await demo.expectNothingLeft();
  });
});

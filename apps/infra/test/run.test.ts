import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeSyntheticShards } from '@warpforge/webdataset/synthetic';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const program = (path: string): string => fileURLToPath(new URL(`../../../apps/${path}`, import.meta.url));

/** Compiled code of what the many processes of the tests load again and again. */
const COMPILE_CACHE = program('infra/node_modules/.cache/compile');

/** Real mounts of local folders, and a real training. */
describe('run --here', () => {
  const folder = mkdtempSync(join(tmpdir(), 'warpforge-run-'));
  const mountPoint = join(folder, 'wd');
  const config = join(folder, 'config.yaml');

  beforeAll(async () => {
    const images = { imagesPerShard: 8, size: 16 };
    await writeSyntheticShards({ directory: join(folder, 'a/train'), shards: 2, ...images });
    await writeSyntheticShards({ directory: join(folder, 'b/train'), shards: 1, firstShard: 2, ...images });
    mkdirSync(mountPoint);
  });
  afterEach(() => {
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
    // The daemon holds it while it lives.
    expect(daemons()).toEqual([]);
    rmSync(join(folder, 'cache'), { recursive: true, force: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function daemons(): string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${config}\0`);
      } catch {
        // It has just ended.
        return false;
      }
    });
  }

  function writeConfig(second: object = { name: 'datasets-wus3', type: 'local', config: { path: join(folder, 'b') } }): void {
    const backends = [{ name: 'datasets-cac', type: 'local', config: { path: join(folder, 'a') } }, second];
    const cache = { path: join(folder, 'cache'), max_size: '100MB', block_size: '1MB' };
    writeFileSync(config, JSON.stringify({ mount_point: mountPoint, cache, metrics: { enabled: false }, backends }));
  }

  /** Starts a run; `onLine` sees what it prints while it runs. */
  function start(args: readonly string[], onLine: (line: string, child: ChildProcess) => void = () => undefined) {
    const training = ['--train-steps', '2', '--batch-size', '4', '--num-workers', '1'];
    const child = spawn(
      process.execPath,
      [program('infra/bin/warpforge-infra.mjs'), 'run', '--here', '--config', config, ...training, ...args],
      {
        cwd: folder,
        env: { PATH: '/usr/bin:/bin', NODE_COMPILE_CACHE: COMPILE_CACHE },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const printed = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[stream] }).on('line', (line) => {
        printed[stream] += `${line}\n`;
        onLine(line, child);
      });
    }
    return once(child, 'close').then(([code]: unknown[]) => ({ code, ...printed }));
  }

  it('mounts, lists, warms, trains and unmounts', async () => {
    writeConfig();
    const { code, stdout, stderr } = await start(['--json']);
    expect(stderr.replace(/PID: \d+/, 'PID: 1').replaceAll(folder, '')).toMatch(
      new RegExp(`^==> Starting WarpDrive FUSE mount...
    warpdrive PID: 1
    Mount ready: /wd
==> Mount contents:
datasets-cac  datasets-wus3
    datasets-cac shards:
shard-000000.tar  shard-000001.tar
    datasets-wus3 shards:
shard-000002.tar
==> Warming cache \\(datasets-cac\\)...
    datasets-cac: 5 of 5 files complete, .*
    Done: Cache warming complete in .*
==> Warming cache \\(datasets-wus3\\)...
    datasets-wus3: 3 of 3 files complete, .*
    Done: Cache warming complete in .*
==> Starting warpforge-train...
[^]*
step=2  images_per_sec=[^]*
==> Training complete. Unmounting WarpDrive...
Done.
$`),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      mountPoint,
      daemonStays: false,
      backends: [
        { name: 'datasets-cac', shards: 2 },
        { name: 'datasets-wus3', folder: `${mountPoint}/datasets-wus3/train`, shards: 1 },
      ],
      training: { steps: 2 },
    });
  });

  it('exits with 1 and the log of the step that fails: a backend that is not there, shards that are damaged', async () => {
    writeConfig({ name: 'datasets-wus3', type: 'local', config: { path: join(folder, 'missing') } });
    const mounting = await start([]);
    expect(mounting).toMatchObject({ code: 1, stdout: '==> Starting WarpDrive FUSE mount...\n' });
    expect(mounting.stderr).toMatch(/^warpforge-infra: the mount daemon could not mount on this machine[^]*there is no folder/);

    mkdirSync(join(folder, 'damaged/train'), { recursive: true });
    writeFileSync(join(folder, 'damaged/train/shard-000001.tar'), 'no tar file'.repeat(1000));
    writeConfig({ name: 'datasets-wus3', type: 'local', config: { path: join(folder, 'damaged') } });
    const training = await start(['--no-warm']);
    expect(training).toMatchObject({ code: 1, stderr: 'warpforge-infra: training failed on this machine with exit code 1\n' });
    expect(training.stdout).toMatch(/\nwarpforge-train: .*shard-000001\.tar.*\n[^]*==> Unmounting WarpDrive\.\.\.\n$/);
  });

  it('stops at Ctrl-C and leaves nothing behind', async () => {
    writeConfig();
    const { code, stdout, stderr } = await start(['--no-warm', '--train-steps', '1000000'], (line, child) => {
      if (line.startsWith('images=')) child.kill('SIGINT');
    });
    expect(code).toBe(130);
    expect(stderr).toBe('warpforge-infra: interrupted by SIGINT\n');
    expect(stdout).toMatch(/==> Unmounting WarpDrive\.\.\.\n$/);
  });

  it('takes the mount away that a killed daemon leaves', async () => {
    writeConfig();
    let pid: string | undefined;
    const { code, stderr } = await start(['--no-warm', '--train-steps', '1000000'], (line) => {
      pid ??= /warpdrive PID: (\d+)/.exec(line)?.[1];
      if (line.startsWith('images=')) process.kill(Number(pid), 'SIGKILL');
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the mount daemon ended in the middle of the run|training failed/);
  });

  it('uses a mount that is there, and leaves it', async () => {
    writeConfig();
    const daemon = spawn(process.execPath, [program('mount/bin/warpdrive.mjs'), 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(createInterface({ input: daemon.stdout }), 'line');
      const { code, stdout } = await start(['--compare']);
      expect(code).toBe(0);
      expect(stdout).toContain(`warpdrive PID: ${daemon.pid} (was running before, and stays)`);
      expect(stdout).toContain('run=warm');
      expect(stdout).not.toContain('Warming');
      expect(existsSync(join(mountPoint, 'datasets-cac/train/shard-000000.tar'))).toBe(true);
    } finally {
      daemon.kill();
      await once(daemon, 'close');
    }
  });
});

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { LocalMachine } from '../../src/machine/local-machine.ts';
import type { Machine, RunOptions } from '../../src/machine/machine.ts';
import { shellCommand } from '../../src/training-run/shell-command.ts';
import { runTraining, type TrainingRunOptions } from '../../src/training-run/training-run.ts';
import { itWith } from '../machine/fixtures/availability.ts';

/** Told apart from every other sleep of this machine. */
const SECONDS = '86017';

const scripts = new Set<string>();

/** This machine, remembering what was run; `tap` sees what it prints. */
class RecordingMachine implements Machine {
  readonly #machine = new LocalMachine();
  readonly #tap: (line: string) => void;
  readonly description = 'this machine';
  constructor(tap: (line: string) => void) {
    this.#tap = tap;
  }
  run(script: string, options: RunOptions): Promise<number> {
    scripts.add(script.replaceAll(folder, '/programs'));
    const onLine: RunOptions['onLine'] = (stream, line) => {
      this.#tap(line);
      options.onLine(stream, line);
    };
    return this.#machine.run(script, { ...options, onLine });
  }
  copyTo(): Promise<void> {
    return Promise.reject(new Error('nothing is to be copied'));
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warpforge-run-'));
  for (const name of ['warpdrive', 'warpforge-train']) {
    copyFileSync(fileURLToPath(new URL(`programs/${name}.sh`, import.meta.url)), join(folder, name));
    chmodSync(join(folder, name), 0o755);
  }
  for (const [backend, numbers] of Object.entries({ a: [0, 2, 4, 6], b: [1] })) {
    mkdirSync(join(folder, 'wd', backend, 'train'), { recursive: true });
    for (const number of numbers) {
      for (const ending of ['tar', 'idx']) writeFileSync(join(folder, `wd/${backend}/train/shard-00000${number}.${ending}`), '');
    }
  }
  writeFileSync(join(folder, 'seconds'), SECONDS);
  writeFileSync(join(folder, 'fault'), '');
  writeFileSync(join(folder, 'calls'), '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  // Whatever the end was, nothing is left.
  expect(existsSync(join(folder, 'pid'))).toBe(false);
  expect(spawnSync('pgrep', ['-fx', `sleep ${SECONDS}`], { encoding: 'utf8' }).stdout).toBe('');
  rmSync(folder, { recursive: true });
});

/** Runs with a fault; the signal is aborted when something is printed that begins with `abortAt`. */
async function run(fault: string, changes: Partial<TrainingRunOptions> = {}, abortAt?: string) {
  writeFileSync(join(folder, 'fault'), fault);
  const abort = new AbortController();
  const printed: string[] = [];
  const look = (text: string): void => {
    if (abortAt !== undefined && text.startsWith(abortAt)) abort.abort(new Error('Ctrl-C'));
  };
  const print = (text: string): void => {
    printed.push(text);
    look(text);
  };
  const view = { step: (text: string) => print(`==> ${text}`), detail: (text: string) => print(`    ${text}`), line: print };
  const options: TrainingRunOptions = {
    ...{ machine: new RecordingMachine(look), configPath: "it's.yaml", mountAsRoot: false, programFolders: [folder] },
    ...{ training: { steps: 2000, batchSize: 64, workers: 8 }, mode: 'warm', view, signal: abort.signal },
    ...changes,
  };
  const outcome = await runTraining(options).then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error }),
  );
  const calls = readFileSync(join(folder, 'calls'), 'utf8').replaceAll(folder, '').split('\n').slice(0, -1);
  return { ...outcome, printed: printed.map((line) => line.replaceAll(folder, '').replace(/PID: \d+/, 'PID: 1')), calls };
}

describe('a training run', () => {
  it('mounts, lists, warms, trains and unmounts', async () => {
    const { result, printed, calls } = await run('');
    expect(printed).toEqual([
      '==> Starting WarpDrive FUSE mount...',
      '    warpdrive PID: 1',
      '    Mount ready: /wd',
      '==> Mount contents:',
      'a  b',
      '    a shards:',
      'shard-000000.tar  shard-000002.tar  shard-000004.tar  ... (4 in all)',
      '    b shards:',
      'shard-000001.tar',
      '==> Warming cache (a)...',
      '    Done: Cache warming complete in 0.1s',
      '==> Warming cache (b)...',
      '    Done: Cache warming complete in 0.1s',
      '==> Starting warpforge-train...',
      'step=100  images_per_sec=920.4  data_ms=12.50  compute_ms=8.10  loss=1.8324',
      '==> Training complete. Unmounting WarpDrive...',
      'Done.',
    ]);
    expect(calls).toEqual([
      "warpdrive status --config it's.yaml --json",
      "warpdrive serve --config it's.yaml --wait 5s --json",
      "warpdrive status --config it's.yaml --json",
      "warpdrive warm --config it's.yaml --backend a --prefix train/",
      "warpdrive warm --config it's.yaml --backend b --prefix train/",
      'warpforge-train run --train-root /wd/a/train --train-root /wd/b/train --steps 2000 --batch-size 64 --num-workers 8 --json',
    ]);
    expect(result).toEqual({
      mountPoint: join(folder, 'wd'),
      daemonStays: false,
      backends: [
        { name: 'a', folder: join(folder, 'wd/a/train'), shards: 4 },
        { name: 'b', folder: join(folder, 'wd/b/train'), shards: 1 },
      ],
      training: { steps: 100 },
    });
  });

  it.each(['cold', 'compare'] as const)('warms nothing before it is to be %s', async (mode) => {
    const { calls } = await run('', { mode });
    expect(calls.join('\n')).not.toContain(' warm ');
    expect(calls.at(-1)).toMatch(mode === 'cold' ? /^warpforge-train run / : /^warpforge-train compare /);
  });

  it('uses a daemon that runs already, and leaves it', async () => {
    // Its own process is as good as any.
    writeFileSync(join(folder, 'pid'), String(process.pid));
    const { result, printed, calls } = await run('');
    rmSync(join(folder, 'pid'));
    expect(result).toMatchObject({ daemonStays: true });
    expect(calls.join('\n')).not.toContain('serve');
    expect(printed).toContain('    warpdrive PID: 1 (was running before, and stays)');
    expect(printed.slice(-2)).toEqual(['==> Training complete.', 'Done.']);
  });

  it.each([
    ['config', /^asking the mount daemon failed on this machine with exit code 2\n {4}warpdrive: the configuration has a fault:$/],
    [
      'serve',
      /^the mount daemon could not mount on this machine \(exit code 1\); it logged last:\n {4}warpdrive: there is no such container$/,
    ],
    ['warm', /^warming a failed on this machine with exit code 1$/],
    ['train', /^training failed on this machine with exit code 1$/],
  ])('ends where %s fails, says why, and leaves nothing behind', async (fault, message) => {
    const { error, printed } = await run(fault);
    expect(error).toMatchObject({ code: 'RUN_STEP_FAILED', message: expect.stringMatching(message) as string });
    expect(printed).not.toContain('Done.');
    if (fault === 'warm') expect(printed).toContain('    1 of 2 files are not complete');
    if (fault === 'train') expect(printed).toContain('warpforge-train: a damaged shard');
    if (fault === 'warm' || fault === 'train') expect(printed.at(-1)).toBe('==> Unmounting WarpDrive...');
  });

  it.each([
    ['are none', () => rmSync(join(folder, 'wd/b/train/shard-000001.tar'))],
    ['is no folder of them', () => rmSync(join(folder, 'wd/b'), { recursive: true })],
  ])('ends where there %s', async (_name, remove) => {
    remove();
    const { error, calls } = await run('');
    expect(error).toMatchObject({
      code: 'RUN_STEP_FAILED',
      message: expect.stringMatching(/no shards to be read in .*\/wd\/b\/train: "warpforge-infra dataset"/) as string,
    });
    expect(calls.join('\n')).not.toMatch(/ warm |train run/);
  });

  it('does not wait for ever until reads work', async () => {
    const asking = Promise.withResolvers<undefined>();
    const waits: number[] = [];
    const clock: Clock = {
      now: () => 0,
      sleep(milliseconds) {
        waits.push(milliseconds);
        return asking.promise;
      },
    };
    const machine = new RecordingMachine((line) => {
      if (line.startsWith('still asking')) asking.resolve(undefined);
    });
    const { error } = await run('ready', { clock, machine });
    expect(waits).toEqual([30_000]);
    expect(error).toMatchObject({ code: 'RUN_STEP_FAILED', message: expect.stringContaining('not ready within 30 s') as string });
  });

  it('ends when the daemon dies', async () => {
    const { error } = await run('daemon-dies');
    rmSync(join(folder, 'pid'));
    expect(error).toMatchObject({
      code: 'RUN_STEP_FAILED',
      message: expect.stringContaining('ended in the middle of the run on this machine (exit code 137)') as string,
    });
  });

  it('names a program that is not there', async () => {
    rmSync(join(folder, 'warpforge-train'));
    vi.stubEnv('PATH', '/usr/bin:/bin');
    const { error } = await run('');
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^training failed: there is no program warpforge-train on this machine; "warpforge-infra setup"/,
      ) as string,
    });
  });

  it.each([
    ['before anything', '', '==> Starting WarpDrive'],
    ['while nothing is ready', 'ready', 'still asking'],
    ['when it is ready', '', '    Mount ready'],
    ['while it lists', '', '    a shards'],
    ['while it warms', 'warm-hangs', '==> Warming cache (a)'],
    ['while it trains', 'train-hangs', 'step=100'],
  ])('is stopped by its signal: %s', async (_name, fault, at) => {
    const { error, printed } = await run(fault, {}, at);
    expect(error).toEqual(new Error('Ctrl-C'));
    expect(printed).not.toContain('Done.');
  });

  itWith(['shellcheck'], 'sends scripts that shellcheck finds nothing in', () => {
    expect(scripts.size).toBeGreaterThan(8);
    for (const script of scripts) {
      const { stdout } = spawnSync('shellcheck', ['--shell=sh', '-'], { input: script, encoding: 'utf8' });
      expect(stdout, script).toBe('');
    }
  });
});

describe('a command for the shell', () => {
  it('keeps every word as it is', () => {
    const words = ["it's", '$HOME', '`id`', 'two words', '', '-n', 'a\nb', '\\', '*'];
    const script = shellCommand(['printf', '[%s]', ...words], { programFolders: ["/o'dd dir"] });
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(words.map((word) => `[${word}]`).join(''));
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { explain, exitCodeOf } from '../../demo/failure.ts';
import { Part } from '../../demo/part.ts';
import { Interrupted } from '../../demo/interrupted.ts';
import { Supervisor } from '../../demo/supervisor.ts';
import { Terminal } from '../../demo/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'warpforge-supervisor-'));
afterAll(() => rmSync(folder, { recursive: true }));

let logs = 0;
const logFile = () => join(folder, `${String((logs += 1))}.log`);
const script = (code: string): readonly [string, ...string[]] => [process.execPath, '-e', code];

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function supervise(): Supervisor {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  return new Supervisor(new Terminal(stream), [stream]);
}

describe('a part', () => {
  it('that succeeds gives the last line of its standard output, and a log of everything', async () => {
    const file = logFile();
    const lines: string[] = [];
    const part = new Part({
      name: 'talker',
      command: script('console.log("one"); console.error("two"); console.log("three")'),
      logFile: file,
      onLine: (line, from) => lines.push(`${from}: ${line}`),
    });
    expect(await part.finished()).toBe('three');
    expect(lines.sort()).toEqual(['stderr: two', 'stdout: one', 'stdout: three']);
    await vi.waitFor(() => expect(readFileSync(file, 'utf8').split('\n').filter(Boolean).sort()).toEqual(['one', 'three', 'two']));
  });

  it('that fails is named with how it ended and its last lines', async () => {
    const part = new Part({
      name: 'trainer',
      command: script('for (let i = 1; i <= 30; i++) console.error("line " + i); process.exitCode = 3'),
      logFile: logFile(),
    });
    const failure = await part.finished().catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'PART_FAILED' });
    expect(String(failure)).toContain('trainer ended (exit code 3); its last lines:\n    | line 16\n');
    expect(String(failure)).toContain('| line 30');
  });

  it('that cannot be started says so', async () => {
    const part = new Part({ name: 'ghost', command: [join(folder, 'nothing')], logFile: logFile() });
    await expect(part.finished()).rejects.toThrow(/ghost ended \(could not be started: .*ENOENT/);
  });

  it('is ended with SIGTERM', async () => {
    const part = new Part({ name: 'sleeper', command: ['sleep', '600'], logFile: logFile() });
    await part.stop();
    expect(lives(part.pid ?? 0)).toBe(false);
  });
});

describe('the supervisor', () => {
  it('ends the demo when a service dies, and names it', async () => {
    await using supervisor = supervise();
    const service = supervisor.startService({ name: 'daemon', command: ['sleep', '600'], logFile: logFile() });
    const running = supervisor.run(() => supervisor.until(delay(60_000, undefined, { ref: false })));
    process.kill(service.pid ?? 0, 'SIGKILL');
    await expect(running).rejects.toThrow('daemon ended (killed by SIGKILL); it printed nothing');
  });

  it('names the service that died, not the reader that failed because of it', async () => {
    await using supervisor = supervise();
    const service = supervisor.startService({ name: 'daemon', command: ['sleep', '600'], logFile: logFile() });
    const running = supervisor.run(async () => {
      process.kill(service.pid ?? 0, 'SIGKILL');
      await supervisor.runPart({ name: 'reader', command: script('process.exit(1)'), logFile: logFile() });
    });
    await expect(running).rejects.toThrow('daemon ended');
  });

  it('ends a part that still runs when the demo must end, and reports the first reason', async () => {
    await using supervisor = supervise();
    let pid = 0;
    const running = supervisor.run(() =>
      supervisor.runPart({
        name: 'sleeper',
        command: script('console.log(process.pid); setInterval(() => {}, 1000)'),
        logFile: logFile(),
        onLine: (line) => {
          pid = Number(line);
          supervisor.fail(new Error('enough'));
          supervisor.fail(new Error('too late'));
        },
      }),
    );
    await expect(running).rejects.toThrow('enough');
    expect(pid).toBeGreaterThan(0);
    expect(lives(pid)).toBe(false);
  });

  it('does not take the wanted end of a service for its death', async () => {
    await using supervisor = supervise();
    const service = supervisor.startService({ name: 'daemon', command: ['sleep', '600'], logFile: logFile() });
    await service.stop();
    await delay(0);
    expect(supervisor.signal.aborted).toBe(false);
  });

  it('ends the demo when nobody reads its output', async () => {
    const stream = new PassThrough() as unknown as NodeJS.WriteStream;
    await using supervisor = new Supervisor(new Terminal(stream), [stream]);
    stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(supervisor.signal.reason).toMatchObject({ code: 'OUTPUT_CLOSED' });
  });
});

describe('the guard', () => {
  it('ends children and removes folders when the demo is killed', async () => {
    const guarded = join(folder, 'guarded');
    mkdirSync(join(guarded, 'inside'), { recursive: true });
    const fixture = fileURLToPath(new URL('./fixtures/guarded.ts', import.meta.url));
    const demo = spawn(process.execPath, [...process.execArgv, fixture, guarded, logFile()], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(demo.stdout, 'data')) as [Buffer];
    const child = Number(String(line).trim());
    expect(lives(child)).toBe(true);
    demo.kill('SIGKILL');
    await vi.waitFor(
      () => {
        expect(lives(child)).toBe(false);
        expect(existsSync(guarded)).toBe(false);
      },
      { timeout: 20_000, interval: 50 },
    );
  });
});

describe('the end of the demo', () => {
  it('has the exit code of its reason, also when cleaning up failed too', () => {
    expect(exitCodeOf(new Interrupted('SIGINT'))).toBe(130);
    expect(exitCodeOf(new Interrupted('SIGTERM'))).toBe(143);
    expect(exitCodeOf(new Interrupted('SIGHUP'))).toBe(129);
    expect(exitCodeOf(new Error('anything'))).toBe(1);
    const both = new SuppressedError(new Error('still mounted'), new Interrupted('SIGINT'));
    expect(exitCodeOf(both)).toBe(130);
    expect(explain(both)).toMatch(/^stopped by SIGINT\nwhile cleaning up: Error: still mounted/);
  });
});

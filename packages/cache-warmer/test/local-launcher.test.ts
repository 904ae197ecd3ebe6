import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { LocalLauncher, systemClock } from '../src/index.ts';

const run = promisify(execFile);

/** Prints its name, and ends at SIGTERM or when its channel closes, as a worker does. */
const WORKER =
  "console.log('I am ' + process.argv[1]); process.on('disconnect', () => process.exit()); process.on('SIGTERM', () => process.exit()); setInterval(() => 0, 1000)";

function launcher(
  lines: string[],
  command = (name: string): [string, ...string[]] => [process.execPath, '-e', WORKER, name],
): LocalLauncher {
  let ids = 0;
  return new LocalLauncher({
    command,
    env: process.env,
    newId: () => String(++ids),
    clock: systemClock,
    onLine: (worker, line) => lines.push(`${worker}: ${line}`),
  });
}

const until = (done: () => boolean): Promise<void> => vi.waitFor(() => expect(done()).toBe(true), { timeout: 20_000 });

describe('local workers', () => {
  it('are started with names of their own, and end one by one or all together', async () => {
    const lines: string[] = [];
    await using local = launcher(lines);
    await local.start(3);
    expect((await local.instances()).map(({ name }) => name)).toEqual(['local-1', 'local-2', 'local-3']);
    await until(() => lines.length === 3);
    expect(lines.sort()).toEqual(['local-1: I am local-1', 'local-2: I am local-2', 'local-3: I am local-3']);
    await local.stop(['local-2', 'local-9']);
    expect((await local.instances()).map(({ name }) => name)).toEqual(['local-1', 'local-3']);
    await local[Symbol.asyncDispose]();
    expect(await local.instances()).toEqual([]);
  });

  it('that have ended by themselves are no longer there, and neither are those that cannot be started', async () => {
    const lines: string[] = [];
    await using local = launcher(lines, (name) => (name === 'local-1' ? [process.execPath, '-e', ''] : ['/no/such/program']));
    await local.start(2);
    await vi.waitFor(async () => expect(await local.instances()).toEqual([]), { timeout: 20_000 });
    expect(lines.join()).toContain('local-2: could not be started: spawn /no/such/program ENOENT');
  });

  it('do not outlive a manager that is killed', async () => {
    const source = new URL('../src/index.ts', import.meta.url).href;
    const manager = `
      import { LocalLauncher, systemClock } from ${JSON.stringify(source)};
      const command = (name) => [process.execPath, '-e', ${JSON.stringify(`console.log(process.pid); ${WORKER}`)}, name];
      const local = new LocalLauncher({ command, env: process.env, newId: () => '1', clock: systemClock, onLine: (_, line) => {
        console.log(line);
        if (/^\\d+$/.test(line)) process.kill(process.pid, 'SIGKILL');
      } });
      await local.start(1);`;
    const { stdout } = (await run(process.execPath, ['--conditions=@warpforge/source', '--input-type=module', '-e', manager]).catch(
      (error: unknown) => error,
    )) as {
      stdout: string;
    };
    const pid = /^\d+$/m.exec(stdout)?.[0] ?? '';
    expect(pid).not.toBe('');
    await until(() => !existsSync(`/proc/${pid}`));
  });
});

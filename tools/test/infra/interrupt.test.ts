import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningProgram } from './running-program.ts';
import { startBlobStorage, StoppableClock, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

const ENTER = '\r';
const CTRL_C = '\u0003';
const QUESTION = '[L]eave it running (default), or [c]ancel it?';
const GOES_ON = /warpforge-infra: the deployment warpforge-\S+ goes on in Azure; the same command follows it/;
const CANCELED = 'warpforge-infra: the deployment was canceled; what was created is still there';

/** A workplace in whose Azure time stops as soon as the first storage account is made, until it is told to go on. */
async function openStopping(clock = new StoppableClock()): Promise<Workplace> {
  const place = await Workplace.open(storage, { resourceManager: { clock } });
  const end = place.manager.subscribe(({ kind, type }) => {
    if (kind !== 'created' || type !== TYPES.account) return;
    clock.stop();
    end();
  });
  return place;
}

/** Waits until the program tells of a resource that is being made, which goes on for as long as time stands still. */
async function midway(program: RunningProgram): Promise<void> {
  await program.printed(': creating');
}

describe('an interruption before anything is sent', () => {
  it.each([
    { command: 'plan', signal: 'SIGINT', code: 130 },
    { command: 'provision', signal: 'SIGTERM', code: 143 },
  ] as const)('ends $command at $signal with $code', async ({ command, signal, code }) => {
    const clock = new StoppableClock();
    await using place = await Workplace.open(storage, { resourceManager: { clock } });
    // The comparison goes on for as long as time stands still.
    clock.stop();
    await using program = place.start([command]);
    await program.until(() => place.manager.log.some(({ path }) => path.endsWith('/whatIf')));
    program.kill(signal);
    const ended = await program.end;
    expect(ended).toMatchObject({ code, stderr: `warpforge-infra: interrupted by ${signal}\n` });
    expect(place.writes()).toEqual([]);
  });
});

describe('an interrupted deployment, where there is no terminal', () => {
  it('goes on in Azure, and the next run follows it instead of starting it again', async () => {
    const clock = new StoppableClock();
    await using place = await openStopping(clock);
    await using program = place.start(['provision', '--yes']);
    await midway(program);
    program.kill('SIGINT');
    const { code, stderr } = await program.end;
    expect(code).toBe(130);
    expect(stderr).toMatch(GOES_ON);
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();

    const before = place.manager.log.length;
    clock.goOn();
    const followed = await place.succeed(['provision']);
    expect(followed).toMatch(/^==> The deployment warpforge-\S+ is running already; following it$/m);
    expect(followed).toContain('14 unchanged');
    expect(place.writes(before)).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toContain(place.vmPrincipal);
  });

  it('is canceled with --on-interrupt cancel, and the next run completes it', async () => {
    const clock = new StoppableClock();
    await using place = await openStopping(clock);
    await using program = place.start(['provision', '--yes', '--on-interrupt', 'cancel']);
    await midway(program);
    // A terminal and a task runner both send one.
    program.kill('SIGINT');
    program.kill('SIGINT');
    const { code, stdout, stderr } = await program.end;
    expect(code).toBe(130);
    expect(stdout).toContain('==> Canceling the deployment');
    expect(stderr).toContain(CANCELED);
    expect(place.writes().at(-1)).toMatch(/^POST .*\/cancel$/);

    clock.goOn();
    const rerun = await place.succeed(['provision', '--yes']);
    expect(rerun).not.toContain('following it');
    expect(rerun).toContain('[14/14]');
    expect(place.file('.warpforge/outputs.json')).toContain(place.vmPrincipal);
  });

  it('ends at SIGTERM as well', async () => {
    await using place = await openStopping();
    await using program = place.start(['provision', '--yes', '--json']);
    await midway(program);
    program.kill('SIGTERM');
    const { code, stdout, stderr } = await program.end;
    expect({ code, stdout }).toEqual({ code: 143, stdout: '' });
    expect(stderr).toMatch(GOES_ON);
  });

  it('keeps another one, and a teardown, from starting', async () => {
    await using place = await openStopping();
    await using program = place.start(['provision', '--yes']);
    await midway(program);
    program.kill('SIGINT');
    await program.end;
    const before = place.manager.log.length;
    for (const args of [
      ['provision', '--yes', '--vm-size', 'Standard_D8s_v5'],
      ['teardown', '--force'],
    ]) {
      const { code, stderr } = await place.run(args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/is running.* "az deployment sub cancel --name warpforge-\S+"/s);
    }
    expect(place.writes(before)).toEqual([]);
  });
});

describe('an interrupted deployment, on a terminal', () => {
  it.each([
    { what: 'Enter', keys: ENTER },
    { what: 'another Ctrl-C', keys: CTRL_C },
  ])('is left running at $what', async ({ keys }) => {
    await using place = await openStopping();
    await using program = place.startOnTerminal(['provision', '--yes']);
    await midway(program);
    program.type(CTRL_C);
    await program.printed(QUESTION);
    program.type(keys);
    const { code, stdout } = await program.end;
    expect(code).toBe(130);
    expect(stdout).toMatch(GOES_ON);
    expect(place.writes().filter((write) => write.endsWith('/cancel'))).toEqual([]);
  });

  it('is canceled at c', async () => {
    await using place = await openStopping();
    await using program = place.startOnTerminal(['provision', '--yes']);
    await midway(program);
    program.type(CTRL_C);
    await program.printed(QUESTION);
    program.type(`c${ENTER}`);
    const { code, stdout } = await program.end;
    expect(code).toBe(130);
    expect(stdout).toContain(CANCELED);
    expect(place.writes().at(-1)).toMatch(/^POST .*\/cancel$/);
  });
});

describe('a terminal that is closed', () => {
  it('ends the program and not the deployment', async () => {
    const clock = new StoppableClock();
    await using place = await openStopping(clock);
    await using terminal = place.startOnTerminal(['provision', '--yes']);
    await midway(terminal);
    const [child = ''] = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8').split(' ');
    expect(readFileSync(`/proc/${child}/cmdline`, 'utf8')).toContain('provision');
    terminal.kill('SIGKILL');
    await vi.waitFor(() => expect(existsSync(`/proc/${child}`)).toBe(false), { timeout: 30_000, interval: 20 });
    expect(place.writes()).toHaveLength(1);
    clock.goOn();
    expect(await place.succeed(['provision'])).toContain('is running already; following it');
  });
});

describe('an interruption while the VM is deleted to be made anew', () => {
  it('leaves what the next run completes', async () => {
    const clock = new StoppableClock();
    await using place = await Workplace.open(storage, { resourceManager: { clock } });
    await place.succeed(['provision', '--yes']);
    const old = place.vmPrincipal;
    const args = ['provision', '--yes', '--replace-vm', '--admin-user', 'trainer'];
    await using program = place.start(args);
    // From the first right that goes on, nothing ends any more.
    const end = place.manager.subscribe(({ kind }) => (kind === 'deleted' ? clock.stop() : undefined));
    await program.printed('Compute/virtualMachines warpdrive-forge-vm: deleting');
    end();
    program.kill('SIGINT');
    expect(await program.end).toMatchObject({ code: 130, stderr: 'warpforge-infra: interrupted by SIGINT\n' });
    clock.goOn();
    await place.succeed(args);
    expect(place.vmPrincipal).not.toBe(old);
    expect(textAt(place.only(TYPES.vm), 'properties', 'osProfile', 'adminUsername')).toBe('trainer');
    expect(await place.run(['plan', '--admin-user', 'trainer'])).toMatchObject({ code: 0 });
  });
});

describe('an interrupted teardown', () => {
  it('leaves what the next one deletes', async () => {
    const clock = new StoppableClock();
    await using place = await Workplace.open(storage, { resourceManager: { clock } });
    await place.succeed(['provision', '--yes']);
    await using program = place.start(['teardown', '--force']);
    clock.stop();
    await program.printed('Resources/resourceGroups warpdrive-forge-rg: deleting');
    await vi.waitFor(() => expect(place.writes().at(-1)).toMatch(/^DELETE .*\/warpdrive-forge-rg$/i), { timeout: 30_000 });
    program.kill('SIGINT');
    expect(await program.end).toMatchObject({ code: 130, stderr: 'warpforge-infra: interrupted by SIGINT\n' });
    expect(place.file('.warpforge/outputs.json')).toBeDefined();
    clock.goOn();
    await place.succeed(['teardown', '--force']);
    expect(place.names()).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();
  });
});

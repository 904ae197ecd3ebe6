import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { installDaemonConfig, installScript } from '../src/install-daemon-config.ts';
import { LocalMachine } from '../src/machine/local-machine.ts';
import type { Machine, RunOptions } from '../src/machine/machine.ts';
import { itWith } from './machine/fixtures/availability.ts';

const WARPDRIVE = fileURLToPath(new URL('../../../apps/mount/bin/warpdrive.mjs', import.meta.url));

/** This machine, on which a test needs not be root. */
class UnprivilegedMachine implements Machine {
  readonly #machine = new LocalMachine();
  readonly description = 'the VM';
  run(script: string, options: RunOptions): Promise<number> {
    expect(options.asRoot).toBe(true);
    return this.#machine.run(script, { ...options, asRoot: false });
  }
  copyTo(): Promise<void> {
    return Promise.reject(new Error('nothing is to be copied'));
  }
}

describe("installing the daemon's configuration", () => {
  let folder: string;
  let path: string;
  let config: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'warpforge-install-'));
    path = join(folder, 'etc/warpdrive/config.yaml');
    mkdirSync(join(folder, 'programs'));
    mkdirSync(join(folder, 'data'));
    mkdirSync(join(folder, 'wd'));
    config = `mount_point: ${folder}/wd
cache: { path: ${folder}/cache, max_size: 1GB }
backends: [{ name: data, type: local, config: { path: ${folder}/data } }]
metrics: { enabled: false }
`;
    program('warpdrive', `exec '${process.execPath}' '${WARPDRIVE}' "$@"`);
    // systemd, as far as it is asked: the unit is a daemon in the background.
    program(
      'systemctl',
      `echo "$*" >>'${folder}/calls'
case $1 in
  is-system-running) echo running ;;
  cat) [ ! -e '${folder}/no-unit' ] ;;
  is-active) [ -e '${folder}/active' ] ;;
  restart)
    [ ! -e '${folder}/fails' ] || exit 1
    touch '${folder}/active'
    setsid warpdrive serve --config '${path}' >/dev/null 2>&1 </dev/null &
    ;;
esac`,
    );
    program('journalctl', 'echo "the log of the unit"');
    // The daemon is started again and again.
    vi.stubEnv('NODE_COMPILE_CACHE', join(tmpdir(), 'node-compile-cache'));
    vi.stubEnv('PATH', `${join(folder, 'programs')}:/usr/sbin:/usr/bin:/sbin:/bin`);
  });
  afterEach(() => {
    if (existsSync(join(folder, 'active'))) spawnSync(process.execPath, [WARPDRIVE, 'unmount', '--config', path]);
    vi.unstubAllEnvs();
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
    rmSync(folder, { recursive: true });
  });

  function program(name: string, text: string): void {
    writeFileSync(join(folder, 'programs', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }

  async function install(text = config): Promise<string[]> {
    const lines: string[] = [];
    const options = { signal: new AbortController().signal, onLine: (line: string) => void lines.push(line.replaceAll(folder, '')) };
    await installDaemonConfig({ machine: new UnprivilegedMachine(), config: text, path, ...options });
    return lines;
  }

  const calls = (): string => readFileSync(join(folder, 'calls'), 'utf8');

  it('writes it, restarts the unit and waits until reads work; the second time there is nothing to do', async () => {
    expect(await install()).toEqual(['wrote /etc/warpdrive/config.yaml', 'restarted warpdrive.service', 'mounted']);
    expect(readFileSync(path, 'utf8')).toBe(config);
    writeFileSync(join(folder, 'calls'), '');
    expect(await install()).toEqual(['/etc/warpdrive/config.yaml is up to date', 'mounted']);
    expect(calls()).not.toContain('restart');
  });

  it('keeps the former one where the daemon refuses it', async () => {
    writeFileSync(join(folder, 'no-unit'), '');
    expect(await install()).toEqual(['wrote /etc/warpdrive/config.yaml', 'no unit warpdrive.service runs here; "warpdrive serve" mounts']);
    await expect(install(config.replace('1GB', 'much'))).rejects.toMatchObject({
      code: 'MACHINE_SETUP_FAILED',
      message: expect.stringMatching(
        /on the VM: the daemon refuses it: [^]*config\.yaml\.new:2:\d+: cache\.max_size: expected a size/,
      ) as string,
    });
    expect(readFileSync(path, 'utf8')).toBe(config);
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it('says why where the unit does not start, or mounts nothing', async () => {
    writeFileSync(join(folder, 'fails'), '');
    await expect(install()).rejects.toThrow('the unit did not start: the log of the unit');
    rmSync(join(folder, 'fails'));
    program('warpdrive', 'exit 1');
    program('sleep', 'exit 0');
    await expect(install()).rejects.toThrow('nothing is mounted after 30 s: the log of the unit');
    rmSync(join(folder, 'active'));
  });

  it("waits until the VM's role has an effect", async () => {
    program('sleep', 'exit 0');
    // A daemon that may not read yet ends; systemd gives up on it.
    program('journalctl', 'echo "denied access (403 AuthorizationPermissionMismatch)"');
    program('warpdrive', `[ -e '${folder}/second' ] && echo '{"mount":{}}'`);
    program(
      'systemctl',
      `case $1 in
  is-system-running) echo running ;;
  is-active) [ -e '${folder}/second' ] ;;
  restart) [ -e '${folder}/first' ] && touch '${folder}/second'; touch '${folder}/first' ;;
esac`,
    );
    expect(await install()).toEqual([
      'wrote /etc/warpdrive/config.yaml',
      'restarted warpdrive.service',
      "waiting until the VM's role has an effect, which takes Azure up to ten minutes",
      'mounted',
    ]);
  });

  it('says that the programs are missing', async () => {
    rmSync(join(folder, 'programs/warpdrive'));
    await expect(install()).rejects.toThrow('the programs are not installed; run "warpforge-infra setup" first');
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  itWith(['shellcheck'], 'is a script that shellcheck finds nothing in', () => {
    const { stdout } = spawnSync('shellcheck', ['--shell=sh', '-'], { input: installScript(config, "/etc/it's"), encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});

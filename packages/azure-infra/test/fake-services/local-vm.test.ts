import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalVm } from '../../src/testing/vm/local-vm.ts';
import { describeOnIsolatedVm, itWith } from '../machine/fixtures/availability.ts';

const SCRIPTS = fileURLToPath(new URL('../../src/testing/vm/scripts', import.meta.url));
const NPM = join(SCRIPTS, 'npm.sh');

const UNIT = `[Unit]
Requires=first.service
ConditionPathExists=/vm/log/wanted
[Service]
Type=exec
ExecStart=/usr/bin/env sh /vm/log/program
EnvironmentFile=-/etc/warpdrive/environment
LimitNOFILE=4096
`;
const FIRST = `[Service]
Type=oneshot
ExecStart=/bin/echo first
`;
/** Says what it has, and takes its time to end, as a daemon that unmounts does. */
const PROGRAM = `echo "runs with $SECRET and $(ulimit -n) files"
trap 'echo ends; exit 0' TERM
while :; do sleep 0.1; done
`;

describeOnIsolatedVm('a VM on this machine', () => {
  let vm: LocalVm;
  beforeAll(async () => {
    const identity = { environment: { SECRET: "it's one", NODE_EXTRA_CA_CERTS: '/elsewhere' }, certificate: 'the certificate' };
    vm = await LocalVm.start({ programs: { npm: NPM }, user: 'somebody', identity });
  });
  afterAll(() => vm[Symbol.asyncDispose]());

  function ssh(user: string, command: string): string {
    const { host, port, identityFile, knownHostsFile } = vm.target;
    const options = ['-o', `UserKnownHostsFile="${knownHostsFile}"`, '-o', 'StrictHostKeyChecking=accept-new', '-o', 'LogLevel=ERROR'];
    const args = ['-p', String(port), '-i', identityFile, ...options, '-l', user, host, command];
    const { stdout, stderr } = spawnSync('ssh', args, { encoding: 'utf8' });
    return stdout + stderr;
  }

  it('lets its user in, who may do everything, and has the identity', () => {
    expect(ssh('somebody', 'id -un; sudo id -un; echo "$SECRET"; cat "$NODE_EXTRA_CA_CERTS"')).toBe(
      "somebody\nroot\nit's one\nthe certificate",
    );
    expect(ssh('somebody', 'cat /etc/warpdrive/environment')).toContain('Permission denied');
    expect(ssh('root', 'cat /etc/warpdrive/environment')).toBe("SECRET='it'\\''s one'\nNODE_EXTRA_CA_CERTS='/vm/azure.pem'\n");
  });

  it('has its own files, mounts and processes', () => {
    expect(ssh('root', 'touch /etc/of-the-vm; mount -t tmpfs none /srv; ls /proc | grep -c "^[0-9]"').length).toBeLessThan(4);
    expect(existsSync('/etc/of-the-vm')).toBe(false);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toMatch(/ \/srv /);
  });

  it('starts, stops and restarts what a unit says', () => {
    const write = (path: string, text: string): string => ssh('root', `cat >${path} <<'END'\n${text}END\n`);
    write('/etc/systemd/system/some.service', UNIT);
    write('/etc/systemd/system/first.service', FIRST);
    write('/vm/log/program', PROGRAM);
    const state = (): string => ssh('somebody', 'systemctl is-active some; systemctl is-active first.service').replaceAll('\n', ' ');
    ssh('root', 'systemctl start some');
    expect(state()).toBe('inactive inactive ');
    ssh('root', 'touch /vm/log/wanted; systemctl start some.service');
    expect(state()).toBe('active active ');
    const pid = ssh('root', 'systemctl show --property MainPID --value some.service');
    expect(ssh('root', 'systemctl start some; systemctl show --property MainPID --value some.service')).toBe(pid);
    ssh('root', 'until grep -q runs /vm/log/some.service; do sleep 0.1; done; systemctl restart some');
    expect(ssh('root', 'systemctl show --property MainPID --value some.service')).not.toBe(pid);
    ssh('root', 'until [ "$(grep -c runs /vm/log/some.service)" = 2 ]; do sleep 0.1; done; systemctl stop some');
    expect(state()).toBe('inactive active ');
    const line = "runs with it's one and 4096 files\nends\n";
    expect(ssh('root', 'journalctl -u some')).toBe(line + line);
    expect(ssh('root', 'journalctl --unit first --lines 1 --no-pager')).toBe('first\n');
    expect(ssh('root', 'systemctl start nothing 2>&1; echo $?')).toBe('Unit nothing.service not found.\n5\n');
    expect(ssh('root', 'systemctl reboot')).toContain('does not know: systemctl reboot');
  });

  it('has an npm that says what the machine underneath has not installed', () => {
    expect(ssh('root', 'apt-get install npm; npm install --prefix /tmp/x some@1.0.0; npm publish')).toBe(
      'npm: the machine underneath has no @warpforge/mount\nnpm: this stand-in knows only npm install --prefix, and not: npm publish\n',
    );
  });
});

describe('LocalVm', () => {
  it('leaves nothing behind when it cannot start', async () => {
    const before = readdirSync('/tmp').filter((name) => name.startsWith('warpforge-vm-'));
    await expect(LocalVm.start({ programs: { npm: '/no/such/npm' } })).rejects.toThrow('ENOENT');
    await expect(LocalVm.start({ programs: { npm: NPM }, user: 'a b' })).rejects.toThrow('a b is no name of a Linux user');
    expect(readdirSync('/tmp').filter((name) => name.startsWith('warpforge-vm-') && !before.includes(name))).toEqual([]);
  });

  itWith(['shellcheck'], 'is made by scripts that shellcheck finds nothing in', () => {
    for (const name of readdirSync(SCRIPTS)) {
      const shell = name === 'boot.sh' ? 'bash' : 'sh';
      const { stdout } = spawnSync('shellcheck', [`--shell=${shell}`, join(SCRIPTS, name)], { encoding: 'utf8' });
      expect(stdout).toBe('');
    }
  });
});

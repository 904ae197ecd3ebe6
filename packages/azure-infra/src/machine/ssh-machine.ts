import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MachineError } from './errors.ts';
import type { Machine, RunOptions } from './machine.ts';
import { runProgram } from './run-program.ts';
import { shellSession } from './shell-session.ts';
import { sshFailure } from './ssh-failure.ts';

/** Where a VM is and who logs in. */
export interface SshTarget {
  /** Address, or a name that DNS or the user's SSH configuration knows. */
  readonly host: string;
  readonly user: string;
  /** Default: what the user's SSH configuration says, otherwise 22. */
  readonly port?: number | undefined;
  /** Private key; default: the agent's keys and those of the user's SSH configuration. */
  readonly identityFile?: string | undefined;
  /**
   * Under which name the host key is remembered: one that another VM at the same address does not have. Default: the host.
   */
  readonly hostKeyAlias?: string | undefined;
  /**
   * Where host keys are remembered. A file of its own for each environment, since a VM that is made anew at the same address has
   * another key.
   */
  readonly knownHostsFile: string;
}

/** What ssh itself ends with when it fails. */
const SSH_FAILED = 255;
/** Lines of ssh that are kept to tell why it failed. */
const KEPT_LINES = 20;
/** A VM that is starting or does not exist drops packets; without a limit the kernel tries for two minutes. */
const CONNECT_TIMEOUT_S = 10;
/** A dead connection is noticed after four of these. */
const ALIVE_INTERVAL_S = 15;

/**
 * A VM behind SSH. Uses the programs `ssh` and `scp` of this machine, and with them the user's agent, configuration and jump hosts. They
 * never ask: there must be a key that needs no passphrase, or an agent that holds it.
 */
export class SshMachine implements Machine {
  readonly description: string;
  readonly #target: SshTarget;

  /** @throws {MachineError} `MACHINE_OPTION_INVALID` where host or user could be taken for something else on a command line. */
  constructor(target: SshTarget) {
    if (!/^[A-Za-z0-9_.:%][A-Za-z0-9_.:%-]*$/.test(target.host)) throw invalid('host', target.host);
    if (!/^[A-Za-z0-9_.][A-Za-z0-9_.@\\-]*$/.test(target.user)) throw invalid('user', target.user);
    this.#target = target;
    this.description = `${target.user}@${target.host}`;
  }

  /** As it was named. */
  get host(): string {
    return this.#target.host;
  }

  /** The command line that {@link run} uses; the script goes to its standard input. */
  sshCommand(script: string, asRoot = false): readonly [string, ...string[]] {
    const { host, user, port } = this.#target;
    const { command } = shellSession(script, asRoot);
    const portArgs = port === undefined ? [] : ['-p', String(port)];
    return ['ssh', '-T', ...this.#options(), ...portArgs, '-l', user, '--', host, command.map(quoted).join(' ')];
  }

  /** The command line that {@link copyTo} uses. */
  scpCommand(localFiles: readonly string[], folder: string): readonly [string, ...string[]] {
    const { host, user, port } = this.#target;
    const portArgs = port === undefined ? [] : ['-P', String(port)];
    const bracketed = host.includes(':') ? `[${host}]` : host;
    return ['scp', '-q', ...this.#options(), ...portArgs, '--', ...localFiles, `${user}@${bracketed}:${folder}/`];
  }

  async run(script: string, { signal, onLine, asRoot = false }: RunOptions): Promise<number> {
    const { input } = shellSession(script, asRoot);
    return await this.#connect(this.sshCommand(script, asRoot), { signal, onLine, input });
  }

  async copyTo(localFiles: readonly string[], folder: string, signal: AbortSignal): Promise<void> {
    let said = '';
    const onLine = (_stream: string, line: string): void => {
      said = line;
    };
    const made = await this.run(makeFolder(folder), { signal, onLine });
    const copied = made === 0 ? await this.#connect(this.scpCommand(localFiles, folder), { signal, onLine }) : made;
    if (copied === 0) return;
    throw new MachineError('MACHINE_COPY_FAILED', `could not copy to ${folder} on ${this.description}: ${said}`);
  }

  async #connect(
    command: readonly [string, ...string[]],
    { signal, onLine, input }: Pick<RunOptions, 'signal' | 'onLine'> & { input?: string },
  ): Promise<number> {
    const lastErrors: string[] = [];
    // ssh would go on without remembering the host key.
    await mkdir(dirname(this.#target.knownHostsFile), { recursive: true });
    const status = await runProgram(command, {
      signal,
      ...(input === undefined ? {} : { input }),
      onLine: (stream, line) => {
        if (stream === 'stderr' && lastErrors.push(line) > KEPT_LINES) lastErrors.shift();
        onLine(stream, line);
      },
    });
    if (status === SSH_FAILED || lastErrors.at(-1) === SUDO_ASKS) throw sshFailure(this.#target, lastErrors);
    return status;
  }

  #options(): string[] {
    const { identityFile, knownHostsFile, hostKeyAlias } = this.#target;
    const settings = [
      'BatchMode=yes',
      'StrictHostKeyChecking=accept-new',
      `UserKnownHostsFile=${configured(knownHostsFile)}`,
      // The file is for people, too: its lines name the VM.
      'HashKnownHosts=no',
      ...(hostKeyAlias === undefined ? [] : [`HostKeyAlias=${hostKeyAlias}`]),
      `ConnectTimeout=${CONNECT_TIMEOUT_S}`,
      `ServerAliveInterval=${ALIVE_INTERVAL_S}`,
      'ServerAliveCountMax=4',
      'LogLevel=ERROR',
      // With a key given, the agent's keys would only use up the tries that the server allows.
      ...(identityFile === undefined ? [] : [`IdentityFile=${configured(identityFile)}`, 'IdentitiesOnly=yes']),
    ];
    return settings.flatMap((setting) => ['-o', setting]);
  }
}

const SUDO_ASKS = 'sudo: a password is required';

/** The script that makes the folder which files are copied to. */
export function makeFolder(folder: string): string {
  return `mkdir -p -- ${quoted(folder)}\n`;
}

/** A value as ssh's configuration takes it: percent signs stand for tokens there, and blanks separate. */
function configured(path: string): string {
  return `"${path.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A word for the shell that runs what ssh sends. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function invalid(what: string, value: string): MachineError {
  return new MachineError('MACHINE_OPTION_INVALID', `${JSON.stringify(value)} cannot be the ${what} of a VM`);
}

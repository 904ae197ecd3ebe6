import type { SetUpCommand, SetUpOptions, SetUpResult, VmSetup } from '@warpforge/azure-infra';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CommandError } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { formatTable } from '../table.ts';
import { programVersion } from '../version.ts';

/** Which VM is set up, and for what. */
export interface SetupTarget {
  /** Address or name of the VM; undefined where no environment tells it. */
  readonly host: string | undefined;
  readonly user: string;
  readonly mountPoint: string;
  readonly cachePath: string;
  /** Folder of the environment's files, which remembers the VM's host key. */
  readonly outputDirectory: string;
  /** Under which name; default: the address. */
  readonly hostKeyAlias: string | undefined;
}

interface SetupOptions {
  readonly port?: number;
  readonly identity?: string;
  readonly packages?: string;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly cloudInit?: true;
  readonly script?: true;
}

const EXAMPLES = `
A VM that provision has made sets itself up at its first boot; this waits for that, shows what is there, and repairs what is missing. It
uses the programs ssh and scp with your agent and configuration. Local NVMe disks are formatted only while they are blank.

Examples:
  $ warpforge-infra setup
  $ warpforge-infra setup --dry-run
  $ npm run build && npm pack -w packages -w apps --pack-destination /tmp/packages && warpforge-infra setup --packages /tmp/packages
  $ warpforge-infra setup --host 203.0.113.7 --user azureuser --identity ~/.ssh/training
  $ warpforge-infra setup --cloud-init > user-data.yaml`;

/** Finds out which VM is meant: `--host` and `--user` of the command, otherwise that of the environment. */
export type ResolveSetupTarget = (command: Command) => Promise<SetupTarget>;

/** `setup`: makes a VM ready to mount and to train. Returns the command, for options that `resolve` reads. */
export function addSetupCommand(program: Command, resolve: ResolveSetupTarget): Command {
  return program
    .command('setup')
    .description('make the VM ready: Node, fuse3, the programs, the local NVMe disk, the daemon as a service')
    .option('--host <host>', 'another VM than that of the environment')
    .option('--user <name>', 'who logs in there')
    .addOption(new Option('--port <number>', 'port of its SSH server').argParser(parsePort))
    .option('--identity <file>', 'private key; default: those of your agent and your SSH configuration')
    .option('--packages <folder>', 'install the .tgz files of a folder instead of the packages of the npm registry')
    .option('--force', 'run the setup also where nothing is missing')
    .addOption(new Option('--dry-run', 'print every command and script, and run none').conflicts('json'))
    .option('--json', 'print what is there as one JSON object; progress goes to standard error')
    .addOption(new Option('--cloud-init', 'print the user data with which a new VM sets itself up').conflicts(['script', 'dryRun', 'json']))
    .addOption(new Option('--script', 'print the script that runs on the VM').conflicts(['dryRun', 'json']))
    .addHelpText('after', EXAMPLES)
    .action(async (options: SetupOptions, command: Command) => {
      const target = await resolve(command);
      const setup = { mountPoint: target.mountPoint, cachePath: target.cachePath, version: programVersion() };
      const library = await import('@warpforge/azure-infra');
      if (options.cloudInit === true) process.stdout.write(library.cloudInit(setup));
      else if (options.script === true) process.stdout.write(library.setupScript(setup));
      else await setUp(target, setup, options);
    });
}

async function setUp(target: SetupTarget, setup: VmSetup, options: SetupOptions): Promise<void> {
  const { localPackages, setUpCommands, setUpVm, SshMachine } = await import('@warpforge/azure-infra');
  if (target.host === undefined) {
    throw new CommandError('USAGE', 'no VM is known here: "warpforge-infra provision" makes one, --host names another');
  }
  const machine = new SshMachine({
    host: target.host,
    user: target.user,
    port: options.port,
    identityFile: options.identity,
    knownHostsFile: join(target.outputDirectory, 'known_hosts'),
    hostKeyAlias: target.hostKeyAlias,
  });
  const packages = options.packages === undefined ? undefined : await localPackages(options.packages);
  if (options.dryRun === true) {
    process.stdout.write(`${DRY_RUN_NOTE}${setUpCommands(machine, setup, packages).map(formatCommand).join('\n')}`);
    return;
  }
  const progress = options.json === true ? process.stderr : process.stdout;
  const reporting: Pick<SetUpOptions, 'onStep' | 'onLine'> = {
    onStep: (step) => progress.write(`==> ${step}\n`),
    onLine: (stream, line) => (stream === 'stdout' ? progress : process.stderr).write(`    ${line}\n`),
  };
  const result = await interruptible((signal) =>
    setUpVm(machine, { setup, packages, force: options.force, signal, sleep: (ms) => setTimeout(ms, undefined, { signal }), ...reporting }),
  );
  process.stdout.write(options.json === true ? `${JSON.stringify(asJson(target.host, result))}\n` : asTable(machine.description, result));
  const missing = result.items.filter(({ present }) => !present);
  if (missing.length > 0) {
    throw new CommandError('NOT_DONE', `still missing: ${missing.map(({ name, detail }) => `${name} (${detail})`).join(', ')}`);
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('must be a port, 1 to 65535');
}

const DRY_RUN_NOTE = `# Nothing is run. A script goes to the standard input of its ssh, which stays open meanwhile: when it closes, the script ends.\n\n`;

/** As a person would type it: the script between two lines that end it. */
function formatCommand({ purpose, command, script }: SetUpCommand): string {
  const line = command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
  return `# ${purpose}\n${line}${script === undefined ? '\n' : ` <<'END_OF_SCRIPT'\n${script}END_OF_SCRIPT\n`}`;
}

function asJson(host: string, { ran, items }: SetUpResult): unknown {
  return { host, ready: items.every(({ present }) => present), ran, items };
}

function asTable(description: string, { ran, items }: SetUpResult): string {
  const rows = items.map(({ name, present, detail }) => [name, present ? detail : `missing: ${detail}`]);
  const ready = items.every(({ present }) => present);
  const verdict = ready ? `${description} is ready${ran ? '' : '; nothing had to be done'}` : `${description} is not ready`;
  return `\n${formatTable(['on the VM', ''], rows)}\n${verdict}\n`;
}

import type { InfraSettings, SetUpOptions, SetUpResult, SshMachine, VmSetup } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import { setTimeout } from 'node:timers/promises';
import type { CommandContext, Resolve } from '../command-context.ts';
import { dryRunText } from '../dry-run-text.ts';
import { codeOf, CommandError } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';
import { formatTable } from '../table.ts';
import { programVersion } from '../version.ts';
import { addVmOptions, mountOnVm, openVm, type VmOptions } from '../vm-options.ts';

interface SetupOptions extends VmOptions {
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

/** `setup`: makes a VM ready to mount and to train. */
export function addSetupCommand(program: Command, resolve: Resolve): void {
  const command = program
    .command('setup')
    .description('make the VM ready: Node, fuse3, the programs, the local NVMe disk, the daemon as a service');
  addVmOptions(addOutputFolderOption(addSettingsOptions(command, ['mount'])))
    .option('--packages <folder>', 'install the .tgz files of a folder instead of the packages of the npm registry')
    .option('--force', 'run the setup also where nothing is missing')
    .addOption(new Option('--dry-run', 'print every command and script, and run none').conflicts('json'))
    .option('--json', 'print what is there as one JSON object; progress goes to standard error')
    .addOption(new Option('--cloud-init', 'print the user data with which a new VM sets itself up').conflicts(['script', 'dryRun', 'json']))
    .addOption(new Option('--script', 'print the script that runs on the VM').conflicts(['dryRun', 'json']))
    .addHelpText('after', EXAMPLES)
    .action(async (options: SetupOptions, self: Command) => {
      const context = await resolve(self);
      const library = await import('@warpforge/azure-infra');
      const { point, cachePath } = await mountOf(context, options);
      const setup = { mountPoint: point, cachePath, version: programVersion() };
      if (options.cloudInit === true) process.stdout.write(library.cloudInit(setup));
      else if (options.script === true) process.stdout.write(library.setupScript(setup));
      else await setUp(await openVm(context, options), setup, options);
    });
}

/** Of the VM of the environment; of another VM, or where there is none yet, what the settings say. */
async function mountOf(context: CommandContext, { host }: SetupOptions): Promise<InfraSettings['mount']> {
  if (host !== undefined) return context.settings.mount;
  try {
    return mountOnVm(context, await context.outputs());
  } catch (error) {
    if (codeOf(error) === 'INFRA_NOT_PROVISIONED') return context.settings.mount;
    throw error;
  }
}

async function setUp(machine: SshMachine, setup: VmSetup, options: SetupOptions): Promise<void> {
  const { localPackages, setUpCommands, setUpVm } = await import('@warpforge/azure-infra');
  const packages = options.packages === undefined ? undefined : await localPackages(options.packages);
  if (options.dryRun === true) {
    process.stdout.write(dryRunText(setUpCommands(machine, setup, packages)));
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
  process.stdout.write(options.json === true ? `${JSON.stringify(asJson(machine.host, result))}\n` : asTable(machine.description, result));
  const missing = result.items.filter(({ present }) => !present);
  if (missing.length > 0) {
    throw new CommandError('NOT_DONE', `still missing: ${missing.map(({ name, detail }) => `${name} (${detail})`).join(', ')}`);
  }
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

import type { DaemonAuthMethod } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import { writeFile } from 'node:fs/promises';
import type { Resolve } from '../command-context.ts';
import { CommandError } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';
import { addVmOptions, mountOnVm, openVm, type VmOptions } from '../vm-options.ts';

const EXAMPLES = `
Prints the configuration, writes it with --output, or puts it on the VM with --install, where it becomes /etc/warpdrive/config.yaml and the
mount daemon is restarted if it has changed. The daemon itself checks it first.

Examples:
  $ warpforge-infra config
  $ warpforge-infra config --install
  $ warpforge-infra config --auth azure_cli --mount-point /mnt/data --output warpdrive.yaml`;

/** Names of {@link DaemonAuthMethod}, here too so that the help needs no library; a test compares them. */
export const AUTH_METHODS = [
  'managed_identity',
  'workload_identity',
  'azure_cli',
  'default',
] as const satisfies readonly DaemonAuthMethod[];

interface ConfigOptions extends VmOptions {
  readonly output?: string;
  readonly install?: true;
  readonly auth: DaemonAuthMethod;
  readonly json?: true;
}

/** `config`: the configuration of the mount daemon, from what was provisioned. */
export function addConfigCommand(program: Command, resolve: Resolve): void {
  const command = program.command('config').description("write the mount daemon's configuration from what was provisioned");
  addVmOptions(addOutputFolderOption(addSettingsOptions(command, ['mount'])))
    .option('--output <file>', 'write it to a file of this machine')
    .addOption(new Option('--install', 'install it on the VM, and restart the daemon').conflicts(['output', 'json']))
    .addOption(new Option('--auth <method>', 'how the daemon signs in').choices(AUTH_METHODS).default(AUTH_METHODS[0]))
    .addOption(new Option('--json', 'print it as one JSON object, which the daemon reads too').conflicts('output'))
    .addHelpText('after', EXAMPLES)
    .action(async (options: ConfigOptions, self: Command) => {
      const context = await resolve(self);
      const { daemonConfig } = await import('@warpforge/azure-infra');
      const outputs = await context.outputs();
      const text = daemonConfig({ storage: outputs.storage, mount: mountOnVm(context, outputs), auth: options.auth });
      if (options.install === true) {
        const { installDaemonConfig } = await import('@warpforge/azure-infra');
        const machine = await openVm(context, options);
        process.stdout.write(`==> Installing the configuration on ${machine.description}\n`);
        const onLine = (line: string): void => void process.stdout.write(`    ${line}\n`);
        await interruptible((signal) => installDaemonConfig({ machine, config: text, signal, onLine }));
      } else if (options.output !== undefined) {
        await writeConfig(options.output, text);
        process.stdout.write(`wrote ${options.output}\n`);
      } else if (options.json === true) {
        const { parse } = await import('yaml');
        process.stdout.write(`${JSON.stringify(parse(text))}\n`);
      } else {
        process.stdout.write(text);
      }
    });
}

async function writeConfig(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw new CommandError('USAGE', `cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

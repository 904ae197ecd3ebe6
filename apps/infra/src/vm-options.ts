import type { EnvironmentOutputs, InfraSettings, Machine } from '@warpforge/azure-infra';
import { defaultCachePath } from '@warpforge/azure-infra/settings';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { join } from 'node:path';
import type { CommandContext } from './command-context.ts';

/** Options that say which VM is meant and how it is reached. */
export interface VmOptions {
  readonly host?: string;
  readonly user?: string;
  readonly port?: number;
  readonly identity?: string;
}

/** Adds `--host`, `--user`, `--port` and `--identity`. */
export function addVmOptions(command: Command): Command {
  return command
    .addOption(new Option('--host <host>', 'another VM than that of outputs.json').helpGroup('Connection:'))
    .addOption(new Option('--user <name>', 'who logs in there').helpGroup('Connection:'))
    .addOption(new Option('--port <number>', 'port of its SSH server').argParser(parsePort).helpGroup('Connection:'))
    .addOption(
      new Option('--identity <file>', 'private key (default: those of your agent and your SSH configuration)').helpGroup('Connection:'),
    );
}

/** The VM of the environment, or the one that the options name. Nothing is connected yet. */
export async function openVm(context: CommandContext, options: VmOptions): Promise<Machine> {
  const { SshMachine } = await import('@warpforge/azure-infra');
  const vm = options.host === undefined ? (await context.outputs()).vm : undefined;
  return new SshMachine({
    host: options.host ?? vm?.address ?? '',
    user: options.user ?? vm?.adminUser ?? context.settings.vm.adminUser,
    port: options.port,
    identityFile: options.identity,
    knownHostsFile: join(context.outputFolder, 'known_hosts'),
    hostKeyAlias: vm === undefined ? undefined : hostKeyAlias(vm),
  });
}

/** A VM that is made anew keeps address and name; its key is another, and so is its identity. */
export function hostKeyAlias({ name, principalId }: EnvironmentOutputs['vm']): string {
  return `${name}.${principalId}`;
}

/** Settings of the mount on the VM that exists: its size, and not what the settings say of the next one, decides where the cache is. */
export function mountOnVm({ settings, sources }: CommandContext, { vm }: EnvironmentOutputs): InfraSettings['mount'] {
  if (sources.get('cache_dir')?.from !== 'default') return settings.mount;
  return { ...settings.mount, cachePath: defaultCachePath(vm.size) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('Expected a port from 1 to 65535.');
}

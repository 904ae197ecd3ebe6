import type { EnvironmentOutputs, InfraSettings, SshMachine } from '@warpforge/azure-infra';
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

/** A VM that was provisioned. */
export interface KnownVm {
  readonly address: string;
  readonly adminUser: string;
  /** Under which its host key is remembered: a VM that is made anew keeps address and name; its key is another, and so is this. */
  readonly hostKeyAlias: string;
}

/** Adds `--host`, `--user`, `--port` and `--identity`. `known` says which VM is meant without them. */
export function addVmOptions(command: Command, known = 'another VM than that of outputs.json'): Command {
  return command
    .addOption(new Option('--host <host>', known).helpGroup('Connection:'))
    .addOption(new Option('--user <name>', 'who logs in there').helpGroup('Connection:'))
    .addOption(new Option('--port <number>', 'port of its SSH server').argParser(parsePort).helpGroup('Connection:'))
    .addOption(
      new Option('--identity <file>', 'private key (default: those of your agent and your SSH configuration)').helpGroup('Connection:'),
    );
}

/** The VM that the options name, or the one that `known` finds: that of the environment. Nothing is connected yet. */
export async function openVm(
  context: CommandContext,
  options: VmOptions,
  known: () => Promise<KnownVm> = () => trainingVm(context),
): Promise<SshMachine> {
  const { SshMachine } = await import('@warpforge/azure-infra');
  const vm = options.host === undefined ? await known() : undefined;
  return new SshMachine({
    host: options.host ?? vm?.address ?? '',
    user: options.user ?? vm?.adminUser ?? context.settings.vm.adminUser,
    port: options.port,
    identityFile: options.identity,
    knownHostsFile: join(context.outputFolder, 'known_hosts'),
    hostKeyAlias: vm?.hostKeyAlias,
  });
}

async function trainingVm(context: CommandContext): Promise<KnownVm> {
  const { address, adminUser, name, principalId } = (await context.outputs()).vm;
  return { address, adminUser, hostKeyAlias: `${name}.${principalId}` };
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

import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { resolveContext } from './command-context.ts';
import type { SetupTarget } from './commands/setup.ts';
import { codeOf } from './failure.ts';
import { hostKeyAlias, mountOnVm } from './vm-options.ts';

/** The VM of the environment, or another one where `--host` names it. Without both it is what a VM would be set up for. */
export async function resolveSetupTarget(command: Command): Promise<SetupTarget> {
  const { host, user } = command.opts<{ readonly host?: string; readonly user?: string }>();
  const context = await resolveContext(command);
  const outputs = host === undefined ? await outputsIfAny(context) : undefined;
  const { point, cachePath } = outputs === undefined ? context.settings.mount : mountOnVm(context, outputs);
  return {
    host: host ?? outputs?.vm.address,
    user: user ?? outputs?.vm.adminUser ?? context.settings.vm.adminUser,
    mountPoint: point,
    cachePath,
    outputDirectory: context.outputFolder,
    hostKeyAlias: outputs === undefined ? undefined : hostKeyAlias(outputs.vm),
  };
}

async function outputsIfAny(context: CommandContext): Promise<Awaited<ReturnType<CommandContext['outputs']>> | undefined> {
  try {
    return await context.outputs();
  } catch (error) {
    if (codeOf(error) === 'INFRA_NOT_PROVISIONED') return undefined;
    throw error;
  }
}

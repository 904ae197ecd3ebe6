import type { EnvironmentOutputs } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import type { Resolve } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { addProvisionOptions, awaitAccess, printerOf, provision, type ProvisionOptions } from '../provision-flow.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';

const EXAMPLES = `
Checks, shows the plan with its cost, asks, deploys it as one deployment, waits until the roles work, and writes outputs.json and
.env.generated. Running it again changes nothing; after a failure it goes on from what is there.

Ctrl-C while it deploys asks whether the deployment is to go on in Azure; without a terminal --on-interrupt decides. Running the command
again follows a deployment that goes on.

Examples:
  $ warpforge-infra provision
  $ warpforge-infra provision --yes --vm-size Standard_L8s_v3 --ssh-sources 203.0.113.0/24
  $ warpforge-infra provision --vm-size Standard_D8s_v5       # later: changes the VM alone
  $ warpforge-infra provision --admin-user trainer --replace-vm
  $ warpforge-infra provision --keep-vm                       # after an update of this program, which changes the user data
  $ source .warpforge/.env.generated`;

/** `provision`: from nothing, or from what is there, to the environment. */
export function addProvisionCommand(program: Command, resolve: Resolve): void {
  const command = program.command('provision').description('create the environment, or bring it to what the settings say');
  addOutputFolderOption(addSettingsOptions(command, ['environment', 'storage', 'vm', 'access', 'mount']));
  addProvisionOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: ProvisionOptions, self: Command) => {
      const context = await resolve(self);
      const { settings, outputFolder } = context;
      const outputs = await interruptible((signal) =>
        provision<EnvironmentOutputs>(
          context,
          options,
          {
            async finish({ azure, plan, print }) {
              const { askOutputs, writeOutputs } = await import('@warpforge/azure-infra');
              const made = await askOutputs(azure.manager, plan.graph, settings, signal);
              // Written first: whoever loses patience with the roles has them already.
              await writeOutputs(outputFolder, made);
              for (const storage of [made.storage.a, made.storage.b]) await awaitAccess(azure, storage, print, signal);
              return made;
            },
          },
          signal,
        ),
      );
      if (options.json === true) process.stdout.write(`${JSON.stringify(outputs)}\n`);
      else printerOf(options)(outputsText(outputs, outputFolder));
    });
}

function outputsText({ storage, vm }: EnvironmentOutputs, folder: string): string {
  return `
Storage account A  ${storage.a.account} (${storage.a.location})
Storage account B  ${storage.b.account} (${storage.b.location})
Container          ${storage.a.container}
VM                 ${vm.name} (${vm.size}), ssh ${vm.adminUser}@${vm.address}
Outputs            ${folder}/outputs.json, ${folder}/.env.generated

Next: warpforge-infra dataset, setup, config --install, run; "warpforge-infra teardown" removes it all.`;
}

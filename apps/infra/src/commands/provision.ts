import type { Command } from 'commander';

const EXAMPLES = `
This version validates the settings and then says that it does not deploy: it sends nothing to Azure.

Examples:
  $ warpforge-infra provision`;

/** `provision`: validates the settings; deploying is not part of this version. */
export function addProvisionCommand(program: Command): void {
  program
    .command('provision')
    .description('validate the settings (deploying is not part of this version)')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const { provision, settingsFromEnvironment } = await import('@warpforge/azure-infra');
      await provision(settingsFromEnvironment(process.env));
    });
}

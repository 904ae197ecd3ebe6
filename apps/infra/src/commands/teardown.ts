import type { Inventory } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import { openAzure } from '../azure-session.ts';
import type { CommandContext, Resolve } from '../command-context.ts';
import { ask } from '../confirm.ts';
import { CommandError } from '../failure.ts';
import { formatDuration } from '../format.ts';
import { interruptible } from '../interrupt.ts';
import { resourceText, scopeText, shortType } from '../plan-text.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';

const EXAMPLES = `
Deletes only what carries the environment's tag, wherever in the subscription it is: roles first, then single resources, then resource
groups that hold nothing else. The data in the storage accounts goes with them.

Examples:
  $ warpforge-infra teardown
  $ warpforge-infra teardown --dry-run
  $ warpforge-infra teardown --environment warpdrive-forge --force    # does not ask`;

interface TeardownOptions {
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `teardown`: deletes the environment and waits until it is gone. */
export function addTeardownCommand(program: Command, resolve: Resolve): void {
  const command = program.command('teardown').description('delete the environment, after showing what will go and asking for its name');
  addOutputFolderOption(addSettingsOptions(command, ['environment']))
    .option('--force', 'do not ask')
    .option('--dry-run', 'show what would go, and delete nothing')
    .option('--json', 'print what was deleted as one JSON object; progress goes to standard error')
    .addHelpText('after', EXAMPLES)
    .action(async (options: TeardownOptions, self: Command) => {
      const context = await resolve(self);
      await interruptible((signal) => tearDownEnvironment(context, options, signal));
    });
}

async function tearDownEnvironment(
  { settings, outputFolder }: CommandContext,
  options: TeardownOptions,
  signal: AbortSignal,
): Promise<void> {
  const { deletionsOf, InfraError, isEmpty, removeOutputs, takeInventory, tearDown } = await import('@warpforge/azure-infra');
  const { manager } = await openAzure(settings, signal);
  const { environment } = settings;
  const inventory = await takeInventory(manager, environment, signal);
  if (isEmpty(inventory)) {
    throw new InfraError(
      'INFRA_NOT_PROVISIONED',
      `nothing in the subscription ${manager.subscriptionId} carries the tag warpforge-env=${environment}; --environment names another one`,
    );
  }
  const stream = options.json === true ? process.stderr : process.stdout;
  const print = (line: string): void => void stream.write(`${line}\n`);
  print(inventoryText(inventory));
  const deletions = deletionsOf(inventory);
  if (options.dryRun === true) {
    print('Nothing was deleted (--dry-run).');
    if (options.json === true) process.stdout.write(`${JSON.stringify({ environment, deleted: [], wouldDelete: deletions })}\n`);
    return;
  }
  if (options.force !== true) {
    const answer = await ask(`Type the environment's name (${environment}) to delete all of this: `, { flag: '--force', signal });
    if (answer !== environment) throw new CommandError('NOT_DONE', 'the name was not typed, so nothing was deleted');
  }
  const begun = performance.now();
  let start = begun;
  const deleted = await tearDown(manager, inventory, {
    signal,
    onDeleting: (deletion) => {
      start = performance.now();
      print(`    ${resourceText(deletion)}: deleting`);
    },
    onDeleted: (deletion) => print(`    ${resourceText(deletion)}: deleted in ${formatDuration(performance.now() - start)}`),
  });
  await removeOutputs(outputFolder);
  print(
    `\nThe environment ${environment} is gone, in ${formatDuration(performance.now() - begun)}; ${outputFolder}/outputs.json was removed.`,
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify({ environment, deleted })}\n`);
}

function inventoryText({ environment, groups, sharedGroups, resources, roleAssignments }: Inventory): string {
  const lines = [
    ...groups.map(({ name, location }) => `  - resource group ${name} (${location ?? ''}) with all that is in it`),
    ...resources.map(({ type, name, location }) => `  - ${shortType(type)} ${name} (${location ?? ''})`),
    ...roleAssignments.map(({ roleName, scope, principalId }) => `  - role ${roleName} of ${principalId} on ${scopeText(scope)}`),
    ...sharedGroups.map(
      ({ group, foreign }) =>
        `  The resource group ${group.name} stays, for it has what others made: ${foreign.map(({ name }) => name).join(', ')}`,
    ),
  ];
  return `Of the environment ${environment} this will go, the data in its storage accounts included:\n${lines.join('\n')}\n`;
}

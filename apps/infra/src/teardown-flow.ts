import type { Inventory } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import { openAzure } from './azure-session.ts';
import type { CommandContext } from './command-context.ts';
import { ask } from './confirm.ts';
import { CommandError } from './failure.ts';
import { formatDuration } from './format.ts';
import { resourceText, scopeText, shortType } from './plan-text.ts';

/** Flags of all commands that tear down. */
export interface TeardownOptions {
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** What an environment has of its own while it is torn down. */
export interface TearingDown {
  /** Value of its tag. */
  readonly environment: string;
  /** Name of the file that told where it was. */
  readonly outputsFile: string;
  /** Removes that file from the output folder. */
  readonly removeOutputs: (folder: string) => Promise<void>;
}

/** Adds the flags of {@link TeardownOptions}. */
export function addTeardownOptions(command: Command): Command {
  return command
    .option('--force', 'do not ask')
    .option('--dry-run', 'show what would go, and delete nothing')
    .option('--json', 'print what was deleted as one JSON object; progress goes to standard error');
}

/** Shows what goes, asks for the environment's name, deletes and waits until it is gone. */
export async function tearDownEnvironment(
  { settings, outputFolder }: CommandContext,
  { environment, outputsFile, removeOutputs }: TearingDown,
  options: TeardownOptions,
  signal: AbortSignal,
): Promise<void> {
  const { deletionsOf, InfraError, isEmpty, takeInventory, tearDown } = await import('@warpforge/azure-infra');
  const { manager } = await openAzure(settings, signal);
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
    `\nThe environment ${environment} is gone, in ${formatDuration(performance.now() - begun)}; ${outputFolder}/${outputsFile} was removed.`,
  );
  if (options.json === true) process.stdout.write(`${JSON.stringify({ environment, deleted })}\n`);
}

function inventoryText({ environment, groups, sharedGroups, resources, roleAssignments, roleDefinitions }: Inventory): string {
  const lines = [
    ...groups.map(({ name, location }) => `  - resource group ${name} (${location ?? ''}) with all that is in it`),
    ...resources.map(({ type, name, location }) => `  - ${shortType(type)} ${name} (${location ?? ''})`),
    ...roleAssignments.map(({ roleName, scope, principalId }) => `  - role ${roleName} of ${principalId} on ${scopeText(scope)}`),
    ...roleDefinitions.map(({ name }) => `  - the role ${name} itself`),
    ...sharedGroups.map(
      ({ group, foreign }) =>
        `  The resource group ${group.name} stays, for it has what others made: ${foreign.map(({ name }) => name).join(', ')}`,
    ),
  ];
  return `Of the environment ${environment} this will go, the data in its storage accounts included:\n${lines.join('\n')}\n`;
}

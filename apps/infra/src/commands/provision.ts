import type { EnvironmentOutputs, InfraSettings, Plan } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import type { CommandContext, Resolve } from '../command-context.ts';
import { ask } from '../confirm.ts';
import { formatEstimate } from '../cost-text.ts';
import { checkPlan, openEnvironment, type EnvironmentPlan } from '../environment-plan.ts';
import { CommandError } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { countActions, planText } from '../plan-text.ts';
import { openPrices } from '../prices.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';
import { settingsText } from '../settings-text.ts';
import { watchDeployment } from '../watch-deployment.ts';

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

interface ProvisionOptions {
  readonly yes?: true;
  readonly replaceVm?: true;
  readonly keepVm?: true;
  readonly onInterrupt: 'leave' | 'cancel';
  readonly json?: true;
}

/** `provision`: from nothing, or from what is there, to the environment. */
export function addProvisionCommand(program: Command, resolve: Resolve): void {
  const command = program.command('provision').description('create the environment, or bring it to what the settings say');
  addOutputFolderOption(addSettingsOptions(command, ['environment', 'storage', 'vm', 'access', 'mount']))
    .option('--yes', 'do not ask')
    .option('--replace-vm', 'delete the VM and make it anew where a setting cannot be changed in place; its OS disk is lost')
    .addOption(
      new Option('--keep-vm', 'leave the VM as it is where a setting cannot be changed in place, and change the rest').conflicts(
        'replaceVm',
      ),
    )
    .addOption(
      new Option('--on-interrupt <what>', 'what becomes of a running deployment at Ctrl-C when there is no terminal to ask')
        .choices(['leave', 'cancel'])
        .default('leave'),
    )
    .option('--json', 'print the outputs as one JSON object; progress goes to standard error')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ProvisionOptions, self: Command) => {
      const context = await resolve(self);
      const print = writer(options);
      const outputs = await interruptible((signal) => provision(context, options, print, signal));
      if (options.json === true) process.stdout.write(`${JSON.stringify(outputs)}\n`);
      else print(outputsText(outputs, context.outputFolder));
    });
}

function writer({ json }: ProvisionOptions): (line: string) => void {
  const stream = json === true ? process.stderr : process.stdout;
  return (line) => stream.write(`${line}\n`);
}

async function provision(
  context: CommandContext,
  options: ProvisionOptions,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<EnvironmentOutputs> {
  const { applyPlan, followRunning, hasChanges, planChanges, planFromNothing } = await import('@warpforge/azure-infra');
  const { settings, sources, outputFolder } = context;
  const { azure, graph } = await openEnvironment(settings, signal);
  const { manager } = azure;
  print(`Environment ${graph.environment} in resource group ${graph.group.name}, subscription ${graph.subscriptionId}`);
  print(settingsText(sources));
  const watch = { print, onInterrupt: options.onInterrupt };
  await watchDeployment(manager, planFromNothing(graph), watch, (listener) => followRunning(manager, graph, { signal, listener }));
  const plan = await planChanges(manager, graph, signal, { keep: options.keepVm === true });
  const planned = { azure, plan };
  await check(settings, planned, print, signal);
  print(planText(plan));
  if (hasChanges(plan)) {
    await showCost(plan, print, signal);
    // A script that goes on must not take the environment for made.
    if (!(await agreed(plan, options, signal))) throw new CommandError('NOT_DONE', 'the answer was not "y", so nothing was changed');
  }
  const allowReplace = options.replaceVm === true;
  await watchDeployment(manager, plan, watch, (listener) => applyPlan(manager, plan, { signal, listener, allowReplace }));
  return finish(context, planned, outputFolder, print, signal);
}

async function check(settings: InfraSettings, planned: EnvironmentPlan, print: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { InfraError } = await import('@warpforge/azure-infra');
  const findings = await checkPlan(settings, planned, signal);
  const describe = ({ rule, severity, message, suggestion }: (typeof findings)[number]): string =>
    `${severity}: ${message} [${rule}]\n    ${suggestion}`;
  for (const finding of findings) if (finding.severity === 'warning') print(describe(finding));
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new InfraError('INFRA_CHECK_FAILED', `the deployment would fail, so nothing was sent:\n${errors.map(describe).join('\n')}`);
}

async function showCost(plan: Plan, print: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { estimateCost } = await import('@warpforge/azure-infra');
  print(formatEstimate(await estimateCost(plan.graph.resources, await openPrices(), signal)));
}

async function agreed(plan: Plan, options: ProvisionOptions, signal: AbortSignal): Promise<boolean> {
  const { replace } = countActions(plan);
  // What is refused anyway need not be asked for.
  if (options.yes === true || (replace > 0 && options.replaceVm !== true)) return true;
  const answer = await ask('Do you want to deploy this? [y/N] ', { flag: '--yes', signal });
  return ['y', 'yes'].includes(answer.toLowerCase());
}

async function finish(
  { settings }: CommandContext,
  { azure, plan }: EnvironmentPlan,
  outputFolder: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<EnvironmentOutputs> {
  const { askOutputs, awaitDataAccess, writeOutputs } = await import('@warpforge/azure-infra');
  const outputs = await askOutputs(azure.manager, plan.graph, settings, signal);
  // Written first: whoever loses patience with the roles has them already.
  await writeOutputs(outputFolder, outputs);
  for (const storage of [outputs.storage.a, outputs.storage.b]) {
    const onWait = ({ elapsedMs, waitMs }: { elapsedMs: number; waitMs: number }): void =>
      print(
        `    ${storage.account}: your role does not work yet (${Math.round(elapsedMs / 1000)} s); asking again in ${Math.round(waitMs / 1000)} s`,
      );
    await awaitDataAccess(azure.credential, storage, { signal, onWait });
  }
  return outputs;
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

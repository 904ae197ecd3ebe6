import type { InfraSettings, Plan } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import type { AzureSession } from './azure-session.ts';
import type { CommandContext } from './command-context.ts';
import { ask } from './confirm.ts';
import { formatEstimate } from './cost-text.ts';
import { checkPlan, openEnvironment, type EnvironmentPlan, type MakeGraph } from './environment-plan.ts';
import { CommandError } from './failure.ts';
import { countActions, planText } from './plan-text.ts';
import { openPrices } from './prices.ts';
import { settingsText } from './settings-text.ts';
import { watchDeployment } from './watch-deployment.ts';

/** Flags of all commands that deploy. */
export interface ProvisionOptions {
  readonly yes?: true;
  readonly replaceVm?: true;
  readonly keepVm?: true;
  readonly onInterrupt: 'leave' | 'cancel';
  readonly json?: true;
}

/** Prints a line for people. */
export type Print = (line: string) => void;

/** What an environment has of its own while it is deployed. `Outputs` are what it is reached by. */
export interface Provisioning<Outputs> {
  /** Default: the environment for training. */
  readonly makeGraph?: MakeGraph;
  /** Asks what was made, writes it down, and waits until the caller can use it. */
  readonly finish: (environment: { azure: AzureSession; plan: Plan; print: Print }, signal: AbortSignal) => Promise<Outputs>;
}

/** Adds the flags of {@link ProvisionOptions}. */
export function addProvisionOptions(command: Command): Command {
  return command
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
    .option('--json', 'print the outputs as one JSON object; progress goes to standard error');
}

/** Where the lines for people go: standard output is the JSON's where that is wanted. */
export function printerOf({ json }: Pick<ProvisionOptions, 'json'>): Print {
  const stream = json === true ? process.stderr : process.stdout;
  return (line) => stream.write(`${line}\n`);
}

/** Checks, shows the plan with its cost, asks, deploys, and tells of it. A deployment that is running already is followed first. */
export async function provision<Outputs>(
  { settings, sources }: CommandContext,
  options: ProvisionOptions,
  { makeGraph, finish }: Provisioning<Outputs>,
  signal: AbortSignal,
): Promise<Outputs> {
  const { applyPlan, followRunning, hasChanges, planChanges, planFromNothing } = await import('@warpforge/azure-infra');
  const print = printerOf(options);
  const { azure, graph } = await openEnvironment(settings, signal, makeGraph);
  const { manager } = azure;
  print(`Environment ${graph.environment} in resource group ${graph.group.name}, subscription ${graph.subscriptionId}`);
  print(settingsText(sources));
  const watch = { print, onInterrupt: options.onInterrupt };
  await watchDeployment(manager, planFromNothing(graph), watch, (listener) => followRunning(manager, graph, { signal, listener }));
  const plan = await planChanges(manager, graph, signal, { keep: options.keepVm === true });
  await check(settings, { azure, plan }, print, signal);
  print(planText(plan));
  if (hasChanges(plan)) {
    await showCost(plan, print, signal);
    // A script that goes on must not take the environment for made.
    if (!(await agreed(plan, options, signal))) throw new CommandError('NOT_DONE', 'the answer was not "y", so nothing was changed');
  }
  const allowReplace = options.replaceVm === true;
  await watchDeployment(manager, plan, watch, (listener) => applyPlan(manager, plan, { signal, listener, allowReplace }));
  return finish({ azure, plan, print }, signal);
}

async function check(settings: InfraSettings, planned: EnvironmentPlan, print: Print, signal: AbortSignal): Promise<void> {
  const { InfraError } = await import('@warpforge/azure-infra');
  const findings = await checkPlan(settings, planned, signal);
  const describe = ({ rule, severity, message, suggestion }: (typeof findings)[number]): string =>
    `${severity}: ${message} [${rule}]\n    ${suggestion}`;
  for (const finding of findings) if (finding.severity === 'warning') print(describe(finding));
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new InfraError('INFRA_CHECK_FAILED', `the deployment would fail, so nothing was sent:\n${errors.map(describe).join('\n')}`);
}

async function showCost(plan: Plan, print: Print, signal: AbortSignal): Promise<void> {
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

/** Waits until the caller's role on a container works, and says so while it does not. */
export async function awaitAccess(
  azure: AzureSession,
  storage: { readonly account: string; readonly container: string; readonly endpoint: string },
  print: Print,
  signal: AbortSignal,
): Promise<void> {
  const { awaitDataAccess } = await import('@warpforge/azure-infra');
  const onWait = ({ elapsedMs, waitMs }: { elapsedMs: number; waitMs: number }): void =>
    print(
      `    ${storage.account}: your role does not work yet (${Math.round(elapsedMs / 1000)} s); asking again in ${Math.round(waitMs / 1000)} s`,
    );
  await awaitDataAccess(azure.credential, storage, { signal, onWait });
}

import type { CostEstimate, Plan } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import type { CommandContext, Resolve } from '../command-context.ts';
import { formatEstimate } from '../cost-text.ts';
import { planEnvironment, planOffline } from '../environment-plan.ts';
import { EXIT } from '../failure.ts';
import { interruptible } from '../interrupt.ts';
import { countActions, planText } from '../plan-text.ts';
import { offlinePrices, openPrices } from '../prices.ts';
import { addSettingsOptions } from '../settings-options.ts';
import { settingsJson, settingsText } from '../settings-text.ts';

const EXAMPLES = `
Compares the environment with what exists in Azure, by Azure's own prediction (what-if), and changes nothing. With --offline it needs no
sign-in, no SSH key and no network, and shows everything as new.

Exit codes: 0 nothing to do (or --offline), 2 there are changes (or wrong usage), 1 failed.

Examples:
  $ warpforge-infra plan --offline
  $ warpforge-infra plan --vm-size Standard_L8s_v3 --ssh-sources 203.0.113.0/24
  $ LOCATION_A=eastus warpforge-infra plan
  $ warpforge-infra plan --offline --json | jq '.resources[] | .type, .name'
  $ warpforge-infra plan --offline --json | jq .template > template.json`;

/** `plan`: what would be created, changed, made anew and deleted, and what it costs. */
export function addPlanCommand(program: Command, resolve: Resolve): void {
  const command = program.command('plan').description('show what "provision" would do, and what it costs; changes nothing');
  addSettingsOptions(command, ['environment', 'storage', 'vm', 'access', 'mount'])
    .option('--offline', 'ask nothing of Azure: everything is new')
    .option('--keep-vm', 'leave the VM as it is where a setting cannot be changed in place')
    .option('--json', 'print one JSON object: resources, template, cost, settings')
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlanCommandOptions, self: Command) => {
      const context = await resolve(self);
      const shown = options.offline === true ? await offline(context) : await interruptible((signal) => online(context, options, signal));
      if (options.json === true) process.stdout.write(`${JSON.stringify(await planJson(context, shown))}\n`);
      else process.stdout.write(text(context, shown));
      const { hasChanges } = await import('@warpforge/azure-infra');
      if (options.offline !== true && hasChanges(shown.plan)) process.exitCode = EXIT.changes;
    });
}

interface PlanCommandOptions {
  readonly offline?: true;
  readonly keepVm?: true;
  readonly json?: true;
}

interface ShownPlan {
  readonly plan: Plan;
  readonly cost: CostEstimate;
  /** Sentences about what the plan rests on. */
  readonly remarks: readonly string[];
}

async function offline({ settings }: CommandContext): Promise<ShownPlan> {
  const { estimateCost } = await import('@warpforge/azure-infra');
  const { plan, standIns } = await planOffline(settings);
  const cost = await estimateCost(plan.graph.resources, await offlinePrices(), new AbortController().signal);
  return {
    plan,
    cost,
    remarks: ['Offline: nothing was asked of Azure, and everything is shown as new.', ...standIns.map((one) => `Stand-in: ${one}.`)],
  };
}

async function online({ settings }: CommandContext, { keepVm }: PlanCommandOptions, signal: AbortSignal): Promise<ShownPlan> {
  const { estimateCost, runningDeployments } = await import('@warpforge/azure-infra');
  const { plan, azure } = await planEnvironment(settings, signal, { keep: keepVm === true });
  const { caller, manager } = azure;
  const running = await runningDeployments(manager, plan.graph.environment, signal);
  const kind = caller.type === 'User' ? 'user' : 'service principal';
  const cost = await estimateCost(plan.graph.resources, await openPrices(), signal);
  return {
    plan,
    cost,
    remarks: [
      `Signed in as ${kind} ${caller.name ?? caller.objectId}, subscription ${plan.graph.subscriptionId}.`,
      ...running.map(({ name }) => `The deployment ${name} is running: this shows a moment of it, and the next may be another.`),
    ],
  };
}

function text({ sources }: CommandContext, { plan, cost, remarks }: ShownPlan): string {
  const { graph } = plan;
  const title = `Environment ${graph.environment} in resource group ${graph.group.name}`;
  return [title, ...remarks, '', `${settingsText(sources)}\n${planText(plan)}`, formatEstimate(cost)].join('\n').trimEnd().concat('\n');
}

async function planJson({ sources }: CommandContext, { plan, cost, remarks }: ShownPlan): Promise<unknown> {
  const { plannedResources } = await import('@warpforge/azure-infra');
  return {
    environment: plan.graph.environment,
    resourceGroup: plan.graph.group.name,
    remarks,
    counts: countActions(plan),
    resources: plannedResources(plan),
    template: plan.template,
    cost,
    settings: settingsJson(sources),
  };
}

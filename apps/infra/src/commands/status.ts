import type { CostSoFar, Plan, PlannedChange, ResourceState } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import type { CommandContext, Resolve } from '../command-context.ts';
import { formatCostSoFar } from '../cost-text.ts';
import { planEnvironment } from '../environment-plan.ts';
import { interruptible } from '../interrupt.ts';
import { planText, shortType } from '../plan-text.ts';
import { openPrices } from '../prices.ts';
import { addSettingsOptions } from '../settings-options.ts';
import { formatTable } from '../table.ts';

const EXAMPLES = `
Drift is what "provision" would do now: somebody has changed or deleted something, or the settings are others.

Exit codes: 0 also when there is drift, 1 failed or nothing is provisioned.

Examples:
  $ warpforge-infra status
  $ warpforge-infra status --json | jq .drift`;

/** `status`: what exists, how it is, what it may have cost, and what has changed since. */
export function addStatusCommand(program: Command, resolve: Resolve): void {
  const command = program.command('status').description('show what exists, its state, the estimated cost so far, and drift');
  addSettingsOptions(command, ['environment', 'storage', 'vm', 'access', 'mount'])
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { json?: true }, self: Command) => {
      const context = await resolve(self);
      const status = await interruptible((signal) => readStatus(context, signal));
      process.stdout.write(options.json === true ? `${JSON.stringify(statusJson(status))}\n` : statusText(status));
    });
}

interface Status {
  readonly plan: Plan;
  readonly states: readonly ResourceState[];
  /** Deployments that are going on. */
  readonly running: readonly string[];
  readonly cost: CostSoFar | undefined;
}

async function readStatus({ settings }: CommandContext, signal: AbortSignal): Promise<Status> {
  const { costSoFar, InfraError, inventoryState, isEmpty, runningDeployments, takeInventory } = await import('@warpforge/azure-infra');
  const { azure, plan } = await planEnvironment(settings, signal);
  const { manager } = azure;
  const { environment } = plan.graph;
  const inventory = await takeInventory(manager, environment, signal);
  const running = (await runningDeployments(manager, environment, signal)).map(({ name }) => name);
  if (isEmpty(inventory) && running.length === 0) {
    throw new InfraError(
      'INFRA_NOT_PROVISIONED',
      `nothing in the subscription ${manager.subscriptionId} carries the tag warpforge-env=${environment}; "warpforge-infra provision" creates it`,
    );
  }
  const states = await inventoryState(manager, inventory, signal);
  const vm = states.find(({ resource }) => resource.type.toLowerCase() === 'microsoft.compute/virtualmachines');
  const created = Date.parse(textOf(vm?.resource.properties?.['timeCreated']));
  const cost = Number.isNaN(created)
    ? undefined
    : await costSoFar(
        { resources: states.map(({ resource }) => resource), createdAt: new Date(created), now: new Date(), powerState: vm?.state },
        await openPrices(),
        signal,
      );
  return { plan, states, running, cost };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What has changed since. Undefined while a deployment is running, which is about to change it. */
function driftOf({ plan, running }: Status): readonly PlannedChange[] | undefined {
  return running.length > 0 ? undefined : plan.changes.filter(({ action }) => action !== 'no change');
}

function driftText(drift: ReturnType<typeof driftOf>): string {
  if (drift === undefined) return 'Drift: not known while a deployment is running\n';
  return drift.length === 0 ? 'Drift: none\n' : `Drift: "warpforge-infra provision" would do this:\n${planText({ changes: drift })}`;
}

function statusText(status: Status): string {
  const { plan, states, running, cost } = status;
  const { graph } = plan;
  const rows = states.map(({ resource, state }) => [shortType(resource.type), resource.name, resource.location ?? '', state]);
  const lines = [
    `Environment ${graph.environment}, subscription ${graph.subscriptionId}\n`,
    formatTable(['resource', 'name', 'region', 'state'], rows),
    ...running.map((name) => `The deployment ${name} is running; "warpforge-infra provision" follows it.\n`),
    cost === undefined ? 'Estimated cost so far: not known without a VM\n' : formatCostSoFar(cost),
    driftText(driftOf(status)),
  ];
  return lines.join('\n');
}

function statusJson(status: Status): unknown {
  const { plan, states, running, cost } = status;
  return {
    environment: plan.graph.environment,
    subscriptionId: plan.graph.subscriptionId,
    resources: states.map(({ resource: { id, type, name, location }, state }) => ({ id, type, name, location: location ?? null, state })),
    runningDeployments: running,
    costSoFar: cost ?? null,
    drift: driftOf(status) ?? null,
  };
}

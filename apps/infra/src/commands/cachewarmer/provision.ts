import type { CacheWarmerOutputs, CacheWarmerStorageNames, InfraSettings, ResourceGraph } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import type { CommandContext, Resolve } from '../../command-context.ts';
import { formatEstimate } from '../../cost-text.ts';
import { openEnvironment, type GraphParts } from '../../environment-plan.ts';
import { EXIT } from '../../failure.ts';
import { interruptible } from '../../interrupt.ts';
import { planText } from '../../plan-text.ts';
import { openPrices } from '../../prices.ts';
import { addProvisionOptions, awaitAccess, printerOf, provision, type ProvisionOptions } from '../../provision-flow.ts';
import { addOutputFolderOption, addSettingsOptions } from '../../settings-options.ts';
import { settingsText } from '../../settings-text.ts';

const EXAMPLES = `
Makes a CacheWarmer in a resource group of its own: queues and a container for reports, a controller VM that runs the manager, and an empty
scale set of Spot VMs, the workers, which the manager fills while there is work. Checks, shows the plan with its cost, asks, deploys it, and
writes cachewarmer-outputs.json. Running it again changes nothing, and never touches the workers that there are.

Examples:
  $ warpforge-infra cachewarmer provision
  $ warpforge-infra cachewarmer provision --plan                          # changes nothing; exit code 2 when there is something to do
  $ warpforge-infra cachewarmer provision --yes --worker-size Standard_D8s_v5 --max-workers 20
  $ warpforge-infra cachewarmer provision --filer                         # with a file server far away, to try it on
  $ warpforge-infra cachewarmer provision --nat-gateway=false --packages-url https://files.blob.core.windows.net/npm \\
      --https-proxy http://proxy.example.com:3128                        # without a way to the internet`;

interface Options extends ProvisionOptions {
  readonly plan?: true;
}

/** `cachewarmer provision`: from nothing, or from what is there, to a CacheWarmer. */
export function addCacheWarmerProvision(group: Command, resolve: Resolve): void {
  const command = group.command('provision').description('create queues, controller and scale set, or bring them to what the settings say');
  addOutputFolderOption(addSettingsOptions(command, ['environment', 'access', 'cachewarmer']));
  addProvisionOptions(command)
    .option('--plan', 'show what would be done and what it costs, and change nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, self: Command) => {
      const context = await resolve(self);
      if (options.plan === true) {
        const changes = await interruptible((signal) => showPlan(context, options, signal));
        if (changes) process.exitCode = EXIT.changes;
        return;
      }
      const outputs = await interruptible((signal) => provisionCacheWarmer(context, options, signal));
      if (options.json === true) process.stdout.write(`${JSON.stringify(outputs)}\n`);
      else printerOf(options)(outputsText(outputs, context.outputFolder));
    });
}

/** Makes what the settings say of a CacheWarmer, and writes what it is reached by. */
export async function provisionCacheWarmer(
  context: CommandContext,
  options: ProvisionOptions,
  signal: AbortSignal,
): Promise<CacheWarmerOutputs> {
  const { settings, outputFolder } = context;
  return provision(
    context,
    options,
    {
      makeGraph,
      async finish({ azure, plan, print }) {
        const { askCacheWarmerOutputs, writeCacheWarmerOutputs } = await import('@warpforge/azure-infra');
        const storageNames = await namesOf(settings);
        const outputs = await askCacheWarmerOutputs(azure.manager, plan.graph, { settings, storageNames }, signal);
        // Written first: whoever loses patience with the roles has them already.
        await writeCacheWarmerOutputs(outputFolder, outputs);
        const { account, records: container, blobEndpoint: endpoint } = outputs.storage;
        await awaitAccess(azure, { account, container, endpoint }, print, signal);
        return outputs;
      },
    },
    signal,
  );
}

/** Whether there is something to do. */
async function showPlan({ settings, sources }: CommandContext, options: Options, signal: AbortSignal): Promise<boolean> {
  const { estimateCost, hasChanges, planChanges, plannedResources } = await import('@warpforge/azure-infra');
  const { azure, graph } = await openEnvironment(settings, signal, makeGraph);
  const plan = await planChanges(azure.manager, graph, signal, { keep: options.keepVm === true });
  const cost = await estimateCost(graph.resources, await openPrices(), signal);
  if (options.json === true) {
    const { environment, group } = graph;
    process.stdout.write(`${JSON.stringify({ environment, resourceGroup: group.name, resources: plannedResources(plan), cost })}\n`);
  } else {
    const title = `Environment ${graph.environment} in resource group ${graph.group.name}, subscription ${graph.subscriptionId}`;
    process.stdout.write(`${[title, settingsText(sources), planText(plan), formatEstimate(cost)].join('\n').trimEnd()}\n`);
  }
  return hasChanges(plan);
}

async function makeGraph(settings: InfraSettings, parts: GraphParts, signal: AbortSignal): Promise<ResourceGraph> {
  const { cacheWarmerGraph } = await import('@warpforge/azure-infra');
  return cacheWarmerGraph(settings, { ...parts, storageNames: await namesOf(settings) }, signal);
}

async function namesOf({ cacheWarmer }: InfraSettings): Promise<CacheWarmerStorageNames> {
  const { storageNames } = await import('@warpforge/cache-warmer');
  return storageNames(cacheWarmer.prefix);
}

function outputsText({ storage, queuePrefix, controller, scaleSet, filer }: CacheWarmerOutputs, folder: string): string {
  const lines = [
    `Storage account  ${storage.account}, queue prefix ${queuePrefix}`,
    `Controller       ${controller.name}, ssh ${controller.adminUser}@${controller.address}`,
    `Workers          scale set ${scaleSet.name}, empty while there is no work`,
    ...(filer === null ? [] : [`Filer            ${filer.address}, exports /data over NFS`]),
    `Outputs          ${folder}/cachewarmer-outputs.json`,
  ];
  const submit = `warpforge-infra cachewarmer submit --storage-account ${storage.account} --queue-prefix ${queuePrefix} --job job.json`;
  return `\n${lines.join('\n')}\n\nNext: ${submit}; "warpforge-infra cachewarmer teardown" removes it all.`;
}

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import type { Finding, InfraSettings, Plan, PlanOptions, ResourceGraph } from '@warpforge/azure-infra';
import { openAzure, type AzureSession } from './azure-session.ts';
import { programVersion } from './version.ts';

/** An environment and what would be done to it. */
export interface EnvironmentPlan {
  readonly azure: AzureSession;
  readonly plan: Plan;
}

/** What the graph of an environment is made from besides the settings. */
export interface GraphParts extends AzureSession {
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
  /** Of the programs that are installed. */
  readonly version: string;
}

/** Makes the graph of an environment as the signed-in caller would have it. */
export type MakeGraph = (settings: InfraSettings, parts: GraphParts, signal: AbortSignal) => Promise<ResourceGraph>;

/** Signs in and makes the environment's graph; nothing is compared yet. */
export async function openEnvironment(
  settings: InfraSettings,
  signal: AbortSignal,
  make: MakeGraph = trainingGraph,
): Promise<{ azure: AzureSession; graph: ResourceGraph }> {
  const sshPublicKey = await readKey(settings);
  const azure = await openAzure(settings, signal);
  const graph = await make(settings, { sshPublicKey, version: programVersion(), ...azure }, signal);
  return { azure, graph };
}

const trainingGraph: MakeGraph = async (settings, parts, signal) => {
  const { environmentGraph } = await import('@warpforge/azure-infra');
  return environmentGraph(settings, parts, signal);
};

/** Signs in, and compares the environment with what exists. */
export async function planEnvironment(settings: InfraSettings, signal: AbortSignal, options: PlanOptions = {}): Promise<EnvironmentPlan> {
  const { planChanges } = await import('@warpforge/azure-infra');
  const { azure, graph } = await openEnvironment(settings, signal);
  return { azure, plan: await planChanges(azure.manager, graph, signal, options) };
}

/** The plan without Azure: everything is created. A key is read only where the settings name it. */
export async function planOffline(settings: InfraSettings): Promise<{ readonly plan: Plan; readonly standIns: readonly string[] }> {
  const { offlineEnvironmentGraph, planFromNothing } = await import('@warpforge/azure-infra');
  const key = settings.sshPublicKeyFile === undefined ? {} : { sshPublicKey: await readKey(settings) };
  const { graph, standIns } = offlineEnvironmentGraph(settings, { ...key, version: programVersion() });
  return { plan: planFromNothing(graph), standIns };
}

/** What would make the deployment fail halfway, found before it begins. */
export async function checkPlan(
  settings: InfraSettings,
  { azure, plan }: EnvironmentPlan,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { checkBeforeDeployment, preflightInput } = await import('@warpforge/azure-infra');
  const input = preflightInput(plan.graph, { callerId: azure.caller.objectId, sshPublicKey: () => readKey(settings) });
  return checkBeforeDeployment(input, azure.manager, signal);
}

async function readKey({ sshPublicKeyFile }: InfraSettings): Promise<string> {
  const { readSshPublicKey } = await import('@warpforge/azure-infra');
  return readSshPublicKey({ file: sshPublicKeyFile, home: homedir(), readFile: (file) => readFile(file, 'utf8') });
}

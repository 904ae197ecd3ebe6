import { describeFault } from '../arm/arm-error.ts';
import type { DeploymentState, ResourceManager } from '../arm/resource-manager.ts';
import { systemClock, type Clock } from '../clock.ts';
import { InfraError } from '../errors.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { PlannedChange } from '../plan/planned-change.ts';
import { hasChanges, planFromNothing, type Plan } from '../plan/plan.ts';
import { ROLE_ASSIGNMENT_API_VERSION } from '../template/render.ts';
import { runningDeployments } from './running-deployments.ts';
import { followDeployment, type DeploymentListener } from './follow-deployment.ts';

/** How to carry out a plan. */
export interface ApplyOptions {
  /** Stops the waiting. A deployment that has been started goes on in Azure: see {@link cancelDeployment}. */
  readonly signal: AbortSignal;
  /** Whether resources may be made anew whose create-only properties differ. What is on them is lost. */
  readonly allowReplace: boolean;
  readonly listener?: DeploymentListener;
  readonly clock?: Clock;
}

/**
 * Carries out a plan: takes away what would be in the way (rights of identities that are gone, resources that are made anew), has Azure
 * check the deployment, starts it and waits until it has ended. A deployment that a run before has left running is followed instead of
 * started again.
 *
 * @throws {InfraError} `INFRA_REPLACE_REFUSED`, `INFRA_CHECK_FAILED`, `INFRA_DEPLOYMENT_ACTIVE`, `INFRA_DEPLOYMENT_FAILED`,
 *   `INFRA_DEPLOYMENT_CANCELED`; {@link ArmError}; the reason of the signal.
 */
export async function applyPlan(manager: ResourceManager, plan: Plan, options: ApplyOptions): Promise<void> {
  const { signal, listener } = options;
  const { graph, deployment } = plan;
  refuseReplacing(plan, options.allowReplace);
  if (await isRunning(manager, graph.environment, deployment.name, signal)) {
    listener?.attached?.(deployment.name);
  } else {
    if (!hasChanges(plan)) return;
    const fault = await manager.deployments.validate(deployment, signal);
    if (fault !== undefined) {
      throw new InfraError('INFRA_CHECK_FAILED', `Azure refuses the deployment, and nothing was changed:\n${describeFault(fault)}`);
    }
    await removeFirst(manager, plan, options);
    // From here on it must be known whether the deployment has been started, so that the signal does not cut it short.
    await manager.deployments.start(deployment, new AbortController().signal);
    listener?.started?.(deployment.name);
  }
  failUnlessSucceeded(await follow(manager, deployment.name, options));
}

/** How to wait for a deployment. */
export type WaitOptions = Pick<ApplyOptions, 'signal' | 'listener' | 'clock'>;

/**
 * Waits for a deployment of the same settings that a run before has left running. What is planned while it runs may be wrong a moment
 * later, so this comes first.
 *
 * @returns whether there was one.
 * @throws {InfraError} `INFRA_DEPLOYMENT_ACTIVE`, `INFRA_DEPLOYMENT_FAILED`, `INFRA_DEPLOYMENT_CANCELED`; {@link ArmError}; the reason of
 *   the signal.
 */
export async function followRunning(manager: ResourceManager, graph: ResourceGraph, options: WaitOptions): Promise<boolean> {
  const { name } = planFromNothing(graph).deployment;
  if (!(await isRunning(manager, graph.environment, name, options.signal))) return false;
  options.listener?.attached?.(name);
  failUnlessSucceeded(await follow(manager, name, options));
  return true;
}

/**
 * Cancels a deployment and waits until it has stopped. Resources that are there already stay; the next run goes on from them. The signal
 * ends the waiting; the deployment is canceled in any case.
 *
 * @returns how it ended: it may have been faster.
 */
export async function cancelDeployment(manager: ResourceManager, plan: Plan, options: WaitOptions): Promise<DeploymentState['state']> {
  const { name } = plan.deployment;
  // Who asks for it twice, as a terminal and a task runner do with one Ctrl-C, still wants it canceled: only the waiting is cut short.
  const uncut = new AbortController().signal;
  if ((await manager.deployments.state(name, uncut))?.state === 'Running') await manager.deployments.cancel(name, uncut);
  return (await follow(manager, name, options)).state;
}

function follow(manager: ResourceManager, name: string, { signal, listener, clock = systemClock }: WaitOptions): Promise<DeploymentState> {
  return followDeployment(manager.deployments, name, { signal, clock, ...(listener === undefined ? {} : { listener }) });
}

function refuseReplacing({ changes }: Plan, allowed: boolean): void {
  const replaced = changes.filter(({ action }) => action === 'replace');
  if (replaced.length === 0 || allowed) return;
  const reasons = replaced.map(({ name, differences }) => `  ${name}: ${differences.map(({ path }) => path).join(', ')}`);
  throw new InfraError(
    'INFRA_REPLACE_REFUSED',
    `Azure cannot change this in place, and making it anew loses what is on it:\n${reasons.join('\n')}\n` +
      'Run it with --replace-vm to delete and make it anew, or with --keep-vm to leave it as it is and change the rest. Nothing was changed',
  );
}

/** Whether the deployment of this name is running. @throws {InfraError} `INFRA_DEPLOYMENT_ACTIVE` when another one is. */
async function isRunning(manager: ResourceManager, environment: string, deployment: string, signal: AbortSignal): Promise<boolean> {
  const running = await runningDeployments(manager, environment, signal);
  if (running.some(({ name }) => name === deployment)) return true;
  const [other] = running;
  if (other === undefined) return false;
  throw new InfraError(
    'INFRA_DEPLOYMENT_ACTIVE',
    `the deployment ${other.name} of this environment is running, with other settings. Wait until it has ended, or stop it with ` +
      `"az deployment sub cancel --name ${other.name}". Nothing was changed`,
  );
}

/** Rights go before their owners, and both before they are made anew. */
async function removeFirst(manager: ResourceManager, { graph, changes }: Plan, { signal, listener }: ApplyOptions): Promise<void> {
  const remove = async (change: PlannedChange, apiVersion: string): Promise<void> => {
    listener?.deleting?.(change);
    await manager.resources.delete(change.id, apiVersion, signal);
    listener?.deleted?.(change);
  };
  for (const change of changes) if (change.action === 'delete') await remove(change, ROLE_ASSIGNMENT_API_VERSION);
  for (const change of changes) {
    if (change.action !== 'replace') continue;
    const resource = graph.resources.find(({ key }) => graph.idOf(key) === change.id);
    if (resource !== undefined) await remove(change, resource.apiVersion);
  }
}

function failUnlessSucceeded({ name, state, fault }: DeploymentState): void {
  if (state === 'Succeeded') return;
  if (state === 'Canceled') {
    throw new InfraError(
      'INFRA_DEPLOYMENT_CANCELED',
      `the deployment ${name} was canceled; what was created is still there. Run the same command again to go on, or "teardown" to remove it`,
    );
  }
  throw new InfraError(
    'INFRA_DEPLOYMENT_FAILED',
    `the deployment ${name} failed:\n${fault === undefined ? 'Azure gives no reason' : describeFault(fault)}\n` +
      'What was created is still there. Once the reason is mended, the same command goes on from it, and "teardown" removes it',
  );
}

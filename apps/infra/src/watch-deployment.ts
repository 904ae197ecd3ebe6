import type { DeploymentListener, Plan, ResourceManager } from '@warpforge/azure-infra';
import { ask } from './confirm.ts';
import { deploymentView } from './deployment-view.ts';
import { CommandError } from './failure.ts';
import { interruptible, Interrupted } from './interrupt.ts';

/** How a deployment is watched. */
export interface WatchOptions {
  readonly print: (line: string) => void;
  /** What becomes of it at an interruption where there is no terminal to ask on. */
  readonly onInterrupt: 'leave' | 'cancel';
}

/**
 * Runs `work`, which starts the deployment of a plan or follows it, and tells of its progress. When the work is interrupted meanwhile, the
 * deployment is left running or canceled, as the person says; when Azure does not answer any more, it is said that it goes on.
 *
 * @throws {CommandError} `NOT_DONE`, with what has become of the deployment; all else that `work` throws.
 */
export async function watchDeployment(
  manager: ResourceManager,
  plan: Plan,
  options: WatchOptions,
  work: (listener: DeploymentListener) => Promise<unknown>,
): Promise<void> {
  const { ArmError } = await import('@warpforge/azure-infra');
  const view = await deploymentView(plan, options.print);
  const deployment: { running: boolean } = { running: false };
  const listener: DeploymentListener = {
    ...view,
    started(name) {
      deployment.running = true;
      view.started?.(name);
    },
    attached(name) {
      deployment.running = true;
      view.attached?.(name);
    },
  };
  try {
    await work(listener);
  } catch (error) {
    if (!deployment.running) throw error;
    if (error instanceof ArmError) throw new CommandError('NOT_DONE', `${error.message}\n${goesOn(plan)}`, { cause: error });
    if (!(error instanceof Interrupted)) throw error;
    await interruptible((again) => endInterrupted(manager, plan, { ...options, interrupted: error, signal: again }));
  }
}

function goesOn({ deployment }: Plan): string {
  return `the deployment ${deployment.name} goes on in Azure; the same command follows it`;
}

interface InterruptedWatch extends WatchOptions {
  readonly interrupted: Interrupted;
  /** Of the next interruption. */
  readonly signal: AbortSignal;
}

/** Leaves the deployment running or cancels it, and throws what became of it. */
async function endInterrupted(manager: ResourceManager, plan: Plan, options: InterruptedWatch): Promise<never> {
  const { print, interrupted, signal } = options;
  const end = (message: string): CommandError => new CommandError('NOT_DONE', message, { cause: interrupted });
  if ((await choose(options)) === 'leave') throw end(goesOn(plan));
  const { cancelDeployment } = await import('@warpforge/azure-infra');
  print('==> Canceling the deployment');
  let ended: Awaited<ReturnType<typeof cancelDeployment>>;
  try {
    ended = await cancelDeployment(manager, plan, { signal, listener: await deploymentView(plan, print) });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw end(`the deployment ${plan.deployment.name} was told to stop; the same command follows it until it has`);
  }
  const what = ended === 'Canceled' ? 'was canceled' : `had ${ended === 'Succeeded' ? 'succeeded' : 'failed'} already`;
  throw end(`the deployment ${what}; what was created is still there: the same command goes on, "teardown" removes it`);
}

async function choose({ onInterrupt, signal }: InterruptedWatch): Promise<'leave' | 'cancel'> {
  if (!process.stdin.isTTY) return onInterrupt;
  const question = '\nThe deployment goes on in Azure. [L]eave it running (default), or [c]ancel it? ';
  try {
    const answer = await ask(question, { flag: '--on-interrupt', signal });
    return ['c', 'cancel'].includes(answer.toLowerCase()) ? 'cancel' : 'leave';
  } catch (error) {
    // Who interrupts the question as well wants to be gone.
    if (error instanceof Interrupted) return 'leave';
    throw error;
  }
}

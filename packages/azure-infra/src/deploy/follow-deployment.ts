import type { DeploymentOperation, Deployments, DeploymentState } from '../arm/resource-manager.ts';
import type { Clock } from '../clock.ts';
import { InfraError } from '../errors.ts';
import type { PlannedChange } from '../plan/planned-change.ts';

/** Is told what a deployment does. */
export interface DeploymentListener {
  /** The deployment was started. */
  started?(deployment: string): void;
  /** It is running already, and is followed. */
  attached?(deployment: string): void;
  /** The state of a resource is another than the last time, or known for the first time. */
  operation?(operation: DeploymentOperation): void;
  deleting?(change: PlannedChange): void;
  deleted?(change: PlannedChange): void;
}

/** How to follow. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly listener?: DeploymentListener;
}

/** Where the service does not say when to come back. A VM takes half a minute; Azure allows 1,200 reads an hour and caller. */
const POLL_INTERVAL_MS = 2_000;

/** Waits until a deployment has ended, however it ends, and tells of its resources meanwhile. */
export async function followDeployment(deployments: Deployments, name: string, options: FollowOptions): Promise<DeploymentState> {
  const { signal, clock, listener } = options;
  const told = new Map<string, DeploymentOperation['state']>();
  for (;;) {
    const state = await deployments.state(name, signal);
    if (state === undefined) {
      throw new InfraError(
        'INFRA_DEPLOYMENT_FAILED',
        `the deployment ${name} is gone: somebody has deleted its record. Run the same command again`,
      );
    }
    for (const operation of await deployments.operations(name, signal)) {
      if (told.get(operation.resourceId) === operation.state) continue;
      told.set(operation.resourceId, operation.state);
      listener?.operation?.(operation);
    }
    if (state.state !== 'Running') return state;
    await clock.sleep(state.retryAfterMs ?? POLL_INTERVAL_MS, signal);
  }
}

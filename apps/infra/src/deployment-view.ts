import type { DeploymentListener, DeploymentOperation, PlannedChange } from '@warpforge/azure-infra';
import { formatDuration } from './format.ts';
import { shortType } from './plan-text.ts';

const VERBS = { Running: 'creating', Succeeded: 'done', Failed: 'FAILED', Canceled: 'canceled' } as const;

/** Tells of a deployment as it goes on: a line when a resource is begun, and one when it is done, with the time that it took. */
export async function deploymentView(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): Promise<DeploymentListener> {
  const { describeFault } = await import('@warpforge/azure-infra');
  const since = new Map<string, number>();
  const begin = (id: string): void => void since.set(id, now());
  const took = (id: string): string => {
    const start = since.get(id);
    return start === undefined ? '' : ` in ${formatDuration(now() - start)}`;
  };
  return {
    started: (deployment) => write(`==> Deploying (${deployment})`),
    attached: (deployment) => write(`==> The deployment ${deployment} is running already; following it`),
    deleting({ id, type, name }: PlannedChange) {
      begin(id);
      write(`    ${shortType(type)} ${name}: deleting`);
    },
    deleted: ({ id, type, name }: PlannedChange) => write(`    ${shortType(type)} ${name}: deleted${took(id)}`),
    operation({ resourceId, type, name, state, fault }: DeploymentOperation) {
      const what = `    ${shortType(type)} ${name}: ${VERBS[state]}`;
      if (state === 'Running') begin(resourceId);
      const reason = fault === undefined ? '' : `: ${describeFault(fault)}`;
      write(`${what}${state === 'Running' ? '' : took(resourceId)}${reason}`);
    },
  };
}

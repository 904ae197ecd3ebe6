import type { DeploymentListener, DeploymentOperation, Plan } from '@warpforge/azure-infra';
import { formatDuration } from './format.ts';
import { resourceText } from './plan-text.ts';

const VERBS = { Running: 'creating', Succeeded: 'done', Failed: 'FAILED', Canceled: 'canceled' } as const;

/**
 * Tells of a deployment as it goes on: a line when a resource is begun, and one when it has ended, with the time that it took and how many
 * of all have ended.
 */
export async function deploymentView(
  { changes }: Pick<Plan, 'changes'>,
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): Promise<DeploymentListener> {
  const { describeFault } = await import('@warpforge/azure-infra');
  const total = changes.filter(({ action }) => action !== 'delete').length;
  const since = new Map<string, number>();
  const ended = new Set<string>();
  const count = (): string => `[${String(ended.size).padStart(String(total).length)}/${total}]`;
  const took = (id: string): string => {
    const start = since.get(id);
    return start === undefined ? '' : ` in ${formatDuration(now() - start)}`;
  };
  return {
    started: (deployment) => write(`==> Deploying (${deployment})`),
    attached: (deployment) => write(`==> The deployment ${deployment} is running already; following it`),
    deleting(change) {
      since.set(change.id, now());
      write(`    ${resourceText(change)}: deleting`);
    },
    deleted: (change) => write(`    ${resourceText(change)}: deleted${took(change.id)}`),
    operation({ resourceId: id, type, name, state, fault }: DeploymentOperation) {
      if (state === 'Running') since.set(id, now());
      else ended.add(id.toLowerCase());
      const reason = fault === undefined ? '' : `: ${describeFault(fault)}`;
      write(`    ${count()} ${resourceText({ id, type, name })}: ${VERBS[state]}${state === 'Running' ? '' : took(id)}${reason}`);
    },
  };
}

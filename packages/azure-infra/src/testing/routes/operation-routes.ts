import type { LongRunningOperations } from '../arm/long-running-operations.ts';
import type { Route } from './route.ts';

/** The URLs that tell how far something is that takes time. Asking is what makes time pass. */
export function operationRoutes(operations: LongRunningOperations): readonly Route[] {
  const polls = (): boolean => true;
  return [
    { method: 'GET', path: '/{before+}/operations/{id}', polls, handle: ({ params }) => operations.get(params['id'] ?? '').status() },
    { method: 'GET', path: '/{before+}/operationResults/{id}', polls, handle: ({ params }) => operations.get(params['id'] ?? '').result() },
  ];
}

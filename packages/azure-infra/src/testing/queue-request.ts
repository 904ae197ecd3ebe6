import type { StorageRequest } from './storage-gate.ts';

/** A request to the queue service. */
export interface QueueRequest extends StorageRequest {
  /** What it takes in role-based access control: all actions of one of these lists. Empty: an operation that this double does not have. */
  readonly rights: readonly (readonly string[])[];
}

const QUEUES = 'Microsoft.Storage/storageAccounts/queueServices/queues';

const message = (...verbs: readonly string[]): readonly string[] => verbs.map((verb) => `${QUEUES}/messages/${verb}`);

/** By method, and `comp` where there is one. */
const QUEUE_RIGHTS: Readonly<Record<string, QueueRequest['rights']>> = {
  PUT: [[`${QUEUES}/write`]],
  'PUT metadata': [[`${QUEUES}/write`]],
  'GET metadata': [[`${QUEUES}/read`]],
  'HEAD metadata': [[`${QUEUES}/read`]],
  DELETE: [[`${QUEUES}/delete`]],
};
const ALL_MESSAGES_RIGHTS: Readonly<Record<string, QueueRequest['rights']>> = {
  'GET peek': [message('read')],
  GET: [message('process/action'), message('delete', 'read')],
  POST: [message('add/action'), message('write')],
  DELETE: [message('delete')],
};
const MESSAGE_RIGHTS: Readonly<Record<string, QueueRequest['rights']>> = {
  PUT: [message('write')],
  DELETE: [message('process/action'), message('delete')],
};

/**
 * Reads the path-style URL `/ACCOUNT/QUEUE/messages/ID?…` of a request.
 *
 * Actions: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-queue-service-operations
 * and https://learn.microsoft.com/azure/storage/queues/queues-auth-abac-attributes
 */
export function readQueueRequest(method: string, target: string): QueueRequest {
  const [, path = '', search = ''] = /^([^?]*)(.*)$/s.exec(target) ?? [];
  const [, account = '', name, inside = ''] = /^\/([^/]*)(?:\/([^/]+)(\/.*)?)?/s.exec(path) ?? [];
  const rights = name === undefined ? [] : (rightsOf(method, inside, new URLSearchParams(search)) ?? []);
  return { method, path, account, name, rest: `${inside}${search}`, search, isListing: false, isKnown: rights.length > 0, rights };
}

function rightsOf(method: string, inside: string, query: URLSearchParams): QueueRequest['rights'] | undefined {
  const comp = query.get('comp');
  if (inside === '') return QUEUE_RIGHTS[comp === null ? method : `${method} ${comp}`];
  const [, messages, id, ...more] = inside.split('/');
  if (messages !== 'messages' || id === '' || more.length > 0 || comp !== null) return undefined;
  if (id !== undefined) return MESSAGE_RIGHTS[method];
  return ALL_MESSAGES_RIGHTS[query.get('peekonly')?.toLowerCase() === 'true' ? `${method} peek` : method];
}

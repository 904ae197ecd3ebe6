/** A request to the blob service, as far as it decides who may make it. */
export interface BlobRequest {
  readonly method: string;
  /** `/ACCOUNT/CONTAINER/BLOB` as in the URL, percent-encoded, without the query. */
  readonly path: string;
  readonly account: string;
  /** Undefined: the request is about the account. */
  readonly container: string | undefined;
  /** What follows the container: `/BLOB`, or nothing, and the query. */
  readonly rest: string;
  /** Whether it asks for a list of the container's blobs. */
  readonly isListing: boolean;
  /** `?…`, or empty. */
  readonly search: string;
  /** The data action that it takes in role-based access control; undefined: an operation that this double does not have. */
  readonly action: string | undefined;
}

const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

/**
 * By method, and `comp` where there is one. For a container itself the service asks for actions like `…/containers/write`, which are not
 * data actions; the built-in roles for data have each of them together with the data action on blobs, which is asked for here.
 */
const CONTAINER_ACTIONS: Readonly<Record<string, string>> = {
  'GET list': `${BLOBS}/read`,
  GET: `${BLOBS}/read`,
  HEAD: `${BLOBS}/read`,
  PUT: `${BLOBS}/write`,
  'PUT metadata': `${BLOBS}/write`,
  'PUT lease': `${BLOBS}/write`,
  DELETE: `${BLOBS}/delete`,
};
const BLOB_ACTIONS: Readonly<Record<string, string>> = {
  GET: `${BLOBS}/read`,
  HEAD: `${BLOBS}/read`,
  'GET blocklist': `${BLOBS}/read`,
  'GET pagelist': `${BLOBS}/read`,
  'GET tags': `${BLOBS}/tags/read`,
  'PUT tags': `${BLOBS}/tags/write`,
  PUT: `${BLOBS}/write`,
  'PUT block': `${BLOBS}/write`,
  'PUT blocklist': `${BLOBS}/write`,
  'PUT page': `${BLOBS}/write`,
  'PUT appendblock': `${BLOBS}/write`,
  'PUT metadata': `${BLOBS}/write`,
  'PUT properties': `${BLOBS}/write`,
  'PUT lease': `${BLOBS}/write`,
  'PUT snapshot': `${BLOBS}/write`,
  'PUT tier': `${BLOBS}/write`,
  DELETE: `${BLOBS}/delete`,
};

/**
 * Reads the path-style URL `/ACCOUNT/CONTAINER/BLOB?…` of a request.
 *
 * Actions: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-blob-service-operations
 */
export function readBlobRequest(method: string, target: string): BlobRequest {
  const [, path = '', search = ''] = /^([^?]*)(.*)$/s.exec(target) ?? [];
  const [, account = '', container, blob = ''] = /^\/([^/]*)(?:\/([^/]+)(\/.+)?)?/s.exec(path) ?? [];
  const query = new URLSearchParams(search);
  const comp = query.get('comp');
  const operation = comp === null ? method : `${method} ${comp}`;
  const ofContainer = blob === '' && container !== undefined && query.get('restype') === 'container';
  const action = blob !== '' ? BLOB_ACTIONS[operation] : ofContainer ? CONTAINER_ACTIONS[operation] : undefined;
  const isListing = ofContainer && operation === 'GET list';
  return { method, path, account, container, rest: `${blob}${search}`, isListing, search, action };
}

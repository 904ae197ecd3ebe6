import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { makeCertificate } from '../../src/testing/certificate.ts';
import { startHttpsServer } from '../../src/testing/https-server.ts';

/** One request, as faults are decided by it. */
export interface BlobRequest {
  readonly method: string;
  readonly account: string;
  readonly container: string;
  readonly blob: string;
  /** `list`, `block`, `blocklist` or empty. */
  readonly comp: string;
  readonly blockId: string | undefined;
  readonly token: string | undefined;
}

/** An error answer, or a connection that breaks in the middle of the body. */
export type BlobFault = { readonly status: number; readonly code: string } | 'reset';

interface Stored {
  readonly bytes: Buffer;
  readonly md5: string | undefined;
  readonly contentType: string | undefined;
}

/** A Blob service with one container an account, over HTTPS, which fails as it is told. Nothing is checked but MD5s. */
export interface BlobService extends AsyncDisposable {
  /** The certificate to trust. */
  readonly ca: string;
  endpoint(account: string): string;
  /** Committed blobs, by `account/container/name`. */
  readonly blobs: Map<string, Stored>;
  /** Blocks that are not committed, by the same name and id. */
  readonly staged: Map<string, Map<string, Buffer>>;
  /** Every request that came in. */
  readonly requests: BlobRequest[];
  /** Decides what goes wrong with a request; may wait. */
  fault: (request: BlobRequest) => BlobFault | undefined | Promise<BlobFault | undefined>;
}

/** The container that every account has. */
export const CONTAINER = 'data';

export async function startBlobService(): Promise<BlobService> {
  const certificate = await makeCertificate();
  const server = await startHttpsServer({
    certificate,
    // A client that goes away in the middle of its request gets no answer.
    listener: (request, response) => void answer(service, request, response).catch(() => response.destroy()),
  });
  const service: BlobService = {
    ca: certificate.cert,
    endpoint: (account) => `${server.url}/${account}`,
    blobs: new Map(),
    staged: new Map(),
    requests: [],
    fault: () => undefined,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await certificate[Symbol.asyncDispose]();
    },
  };
  return service;
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly xml?: string;
}

async function answer(service: BlobService, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(message.url ?? '/', 'https://service');
  const [account = '', container = '', ...name] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const request: BlobRequest = {
    method: message.method ?? '',
    account,
    container,
    blob: name.join('/'),
    comp: url.searchParams.get('comp') ?? '',
    blockId: url.searchParams.get('blockid') ?? undefined,
    token: /^Bearer (.*)$/.exec(message.headers.authorization ?? '')?.[1],
  };
  service.requests.push(request);
  const fault = await service.fault(request);
  if (fault === 'reset') {
    message.once('data', () => message.socket.destroy());
    return;
  }
  // An error answer comes before the body has, as the service does it.
  if (fault !== undefined) send(response, refusal(fault.status, fault.code));
  else send(response, perform(service, request, message, await buffer(message), url.searchParams));
}

function perform(
  { blobs, staged }: BlobService,
  { method, account, container, blob, comp, blockId = '' }: BlobRequest,
  { headers }: IncomingMessage,
  body: Buffer,
  query: URLSearchParams,
): Reply {
  const key = `${account}/${container}/${blob}`;
  const header = (name: string): string | undefined => headers[name]?.toString();
  const store = (bytes: Buffer): void => {
    blobs.set(key, { bytes, md5: header('x-ms-blob-content-md5'), contentType: header('x-ms-blob-content-type') });
    staged.delete(key);
  };
  if (container !== CONTAINER) return refusal(404, 'ContainerNotFound');
  if (![undefined, hash('md5', body, 'base64')].includes(header('content-md5'))) return refusal(400, 'Md5Mismatch');
  switch (`${method} ${comp}`) {
    case 'GET list':
      return { status: 200, xml: listing(blobs, `${account}/${container}/`, query.get('prefix') ?? '') };
    case 'HEAD ': {
      const found = blobs.get(key);
      if (found === undefined) return refusal(404, 'BlobNotFound');
      const md5 = found.md5 === undefined ? {} : { 'content-md5': found.md5 };
      return { status: 200, headers: { 'content-length': String(found.bytes.length), ...md5 } };
    }
    case 'PUT ':
      store(body);
      return { status: 201 };
    case 'PUT block':
      staged.set(key, (staged.get(key) ?? new Map<string, Buffer>()).set(blockId, body));
      return { status: 201 };
    case 'PUT blocklist': {
      const ids = [...body.toString().matchAll(/<Latest>(.*?)<\/Latest>/g)].map(([, id = '']) => id);
      const blocks = ids.map((id) => staged.get(key)?.get(id));
      if (!blocks.every((block) => block !== undefined)) return refusal(400, 'InvalidBlockList');
      store(Buffer.concat(blocks));
      return { status: 201 };
    }
    case 'GET blocklist': {
      const blocks = staged.get(key);
      if (blocks === undefined && !blobs.has(key)) return refusal(404, 'BlobNotFound');
      const list = [...(blocks ?? [])].map(([id, { length }]) => `<Block><Name>${id}</Name><Size>${length}</Size></Block>`);
      return { status: 200, xml: `<BlockList><UncommittedBlocks>${list.join('')}</UncommittedBlocks></BlockList>` };
    }
    default:
      return refusal(405, 'UnsupportedHttpVerb');
  }
}

function listing(blobs: BlobService['blobs'], place: string, prefix: string): string {
  const items = [...blobs]
    .filter(([key]) => key.startsWith(place + prefix))
    .map(
      ([key, { bytes, md5 = '' }]) =>
        `<Blob><Name>${key.slice(place.length)}</Name><Properties><Content-Length>${bytes.length}</Content-Length>` +
        `<Content-MD5>${md5}</Content-MD5><BlobType>BlockBlob</BlobType></Properties></Blob>`,
    );
  return `<EnumerationResults ContainerName="${CONTAINER}"><Blobs>${items.join('')}</Blobs><NextMarker/></EnumerationResults>`;
}

function refusal(status: number, code: string): Reply {
  const xml = `<Error><Code>${code}</Code><Message>${code} was asked for</Message></Error>`;
  return { status, headers: { 'x-ms-error-code': code }, xml };
}

function send(response: ServerResponse, { status, headers, xml = '' }: Reply): void {
  const isHead = response.req.method === 'HEAD';
  response.writeHead(status, {
    etag: '"1"',
    'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
    'content-type': 'application/xml',
    ...(isHead ? {} : { 'content-length': String(Buffer.byteLength(xml)) }),
    ...headers,
  });
  response.end(isHead ? undefined : xml);
}

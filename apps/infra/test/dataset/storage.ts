import { BlobGate, issueToken, makeCertificate, startHttpsServer, writeAzureCliStub, type BlobFault } from '@warpforge/azure-infra/testing';
import { writeOutputs, type EnvironmentOutputs } from '@warpforge/azure-infra';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A blob as a listing shows it. */
export interface ListedBlob {
  readonly name: string;
  readonly size: number;
  /** Base64. */
  readonly md5: string;
}

/** What a request to the double was answered with. */
export interface Answer {
  readonly method: string;
  /** `/ACCOUNT/CONTAINER/BLOB` */
  readonly path: string;
  readonly status: number;
}

/** The two accounts of an environment, Azurite behind a gate that asks for tokens, and what the command needs to find them. */
export interface Storage extends AsyncDisposable {
  /** A folder for whatever a test makes. */
  readonly folder: string;
  readonly outputs: EnvironmentOutputs;
  /** Variables of the command's environment; the person who is signed in has all rights. */
  readonly environment: Readonly<Record<string, string>>;
  /** Every answer so far. */
  readonly answers: Answer[];
  inject(fault: BlobFault): void;
  heal(): void;
  list(account: string): Promise<ListedBlob[]>;
  /** Sends a request of one's own; rejects when it is refused. */
  send(method: string, account: string, rest: string, body?: Buffer): Promise<string>;
  /** Empties both containers. */
  clear(): Promise<void>;
  deleteContainer(account: string): Promise<void>;
  createContainer(account: string): Promise<void>;
}

const CONTAINER = 'coco2017-wds';
const TENANT = '00000000-0000-4000-8000-00000000000a';
const SUBSCRIPTION = '00000000-0000-4000-8000-00000000000b';
const PERSON = '00000000-0000-4000-8000-00000000000c';

/** Starts it, with accounts `accounta` and `accountb` and empty containers. */
export async function startStorage(): Promise<Storage> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-dataset-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const certificate = stack.use(await makeCertificate());
  const azurite = stack.use(await startAzurite({ accounts: [{ name: 'upstream' }], tls: certificate }));
  const answers: Answer[] = [];
  const gate = stack.use(
    new BlobGate({
      upstream: { url: azurite.accounts[0]!.blobEndpoint, certificate: certificate.cert },
      controlPlane: {
        storageAccountId: (name) => (name.startsWith('account') ? `/subscriptions/${SUBSCRIPTION}/${name}` : undefined),
        hasDataAction: () => true,
      },
      tenantId: TENANT,
      onAnswer: (answer) => void answers.push(answer),
    }),
  );
  const server = stack.use(await startHttpsServer({ certificate, listener: gate.listener }));
  for (const account of ['accounta', 'accountb']) await gate.containerCreated(account, CONTAINER);
  const storageOf = (account: string, location: string) => ({
    account,
    location,
    container: CONTAINER,
    endpoint: `${server.url}/${account}`,
  });
  const outputs: EnvironmentOutputs = {
    version: 1,
    environment: 'test',
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'test-rg',
    storage: { a: storageOf('accounta', 'canadacentral'), b: storageOf('accountb', 'westus3') },
    vm: {
      name: 'vm',
      size: 'Standard_D4s_v5',
      location: 'canadacentral',
      adminUser: 'azureuser',
      address: '203.0.113.4',
      principalId: PERSON,
    },
  };
  await writeOutputs(join(folder, 'outputs'), outputs);
  const bin = join(folder, 'bin');
  await writeAzureCliStub({
    directory: bin,
    tenantId: TENANT,
    subscriptionId: SUBSCRIPTION,
    user: { objectId: PERSON, name: 'ada@example.com' },
  });
  const send = async (method: string, account: string, rest: string, body?: Buffer): Promise<string> => {
    const now = Date.now();
    const token = issueToken({
      objectId: PERSON,
      kind: 'user',
      tenantId: TENANT,
      audience: 'https://storage.azure.com',
      issuedAt: new Date(now - 1000),
      expiresAt: new Date(now + 3_600_000),
    });
    const headers = { authorization: `Bearer ${token}`, 'x-ms-version': '2025-11-05', 'x-ms-blob-type': 'BlockBlob' };
    const url = `${server.url}/${account}/${CONTAINER}${rest}`;
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method, ca: certificate.cert, headers: { ...headers, 'content-length': body?.length ?? 0 } },
        (response) => {
          text(response).then((answer) => {
            if ((response.statusCode ?? 500) < 300) resolve(answer);
            else reject(new Error(`${method} ${url}: ${response.statusCode ?? '?'} ${answer}`));
          }, reject);
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  };
  const list = async (account: string): Promise<ListedBlob[]> => {
    const xml = await send('GET', account, '?restype=container&comp=list');
    return [...xml.matchAll(/<Blob>(.*?)<\/Blob>/gs)].map(([, blob = '']) => {
      const field = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(blob)?.[1] ?? '';
      return { name: field('Name'), size: Number(field('Content-Length')), md5: field('Content-MD5') };
    });
  };
  const owned = stack.move();
  return {
    folder,
    outputs,
    answers,
    environment: {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      NODE_EXTRA_CA_CERTS: certificate.certificateFile,
      AZURE_TOKEN_CREDENTIALS: 'AzureCliCredential',
      // The command starts some twenty times; its types are stripped once.
      NODE_COMPILE_CACHE: join(import.meta.dirname, '../../../../node_modules/.cache/infra'),
    },
    inject: (fault) => gate.inject(fault),
    heal: () => gate.heal(),
    send,
    list,
    async clear() {
      for (const account of ['accounta', 'accountb']) {
        for (const { name } of await list(account)) await send('DELETE', account, `/${name}`);
      }
    },
    deleteContainer: (account) => gate.containerDeleted(account, CONTAINER),
    createContainer: (account) => gate.containerCreated(account, CONTAINER),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { startAzurite, type Azurite, type AzuriteAccount } from '@warpforge/blob-backend/testing';

/** An upload that a blob server refused. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
}

/** Sends a request signed by the account key to a path-style endpoint (Shared Key of Azure Storage). */
async function send(
  method: 'PUT' | 'DELETE',
  account: AzuriteAccount,
  path: string,
  query: string,
  headers: Record<string, string>,
  body?: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const all: Record<string, string> = { ...headers, 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2023-11-03' };
  const length = body === undefined || body.length === 0 ? '' : String(body.length);
  const canonicalHeaders = Object.keys(all)
    .sort()
    .map((name) => `${name}:${all[name] ?? ''}\n`)
    .join('');
  const url = new URL(`${account.blobEndpoint}/${path}`);
  const resource = `/${account.name}${url.pathname}${query === '' ? '' : `\n${query.replace('=', ':')}`}`;
  const toSign = `${method}\n\n\n${length}\n\n\n\n\n\n\n\n\n${canonicalHeaders}${resource}`;
  const signature = createHmac('sha256', Buffer.from(account.key, 'base64')).update(toSign, 'utf8').digest('base64');
  if (query !== '') url.search = query;
  const response = await fetch(url, {
    method,
    headers: { ...all, Authorization: `SharedKey ${account.name}:${signature}` },
    body: body ?? null,
  });
  if (!response.ok) throw new UploadError(`${response.status} for ${url.pathname}: ${await response.text()}`);
  await response.body?.cancel();
}

export async function createContainer(account: AzuriteAccount, container: string): Promise<void> {
  await send('PUT', account, container, 'restype=container', {});
}

export async function putBlob(account: AzuriteAccount, container: string, path: string, content: Uint8Array<ArrayBuffer>): Promise<void> {
  await send('PUT', account, `${container}/${encode(path)}`, '', { 'x-ms-blob-type': 'BlockBlob' }, content);
}

export async function deleteBlob(account: AzuriteAccount, container: string, path: string): Promise<void> {
  await send('DELETE', account, `${container}/${encode(path)}`, '', {});
}

function encode(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Two accounts with a container of blobs each, as the deployment guide has them. */
export interface Storage extends AsyncDisposable {
  readonly azurite: Azurite;
  readonly container: string;
  readonly accounts: readonly [AzuriteAccount, AzuriteAccount];
  /** Content by path below the mount point. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const CHUNK = 128 * 1024;

/** Sizes around every border of the cache: nothing, a byte, a chunk, a block of 1 MiB, several blocks. */
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 1024 ** 2, 3 * 1024 ** 2 + 12_345, 6 * 1024 ** 2 + 1];

export async function startStorage(): Promise<Storage> {
  const azurite = await startAzurite({ accounts: [{ name: 'canadacentral' }, { name: 'westus3' }] });
  try {
    const [first, second] = azurite.accounts;
    if (first === undefined || second === undefined) throw new UploadError('no accounts');
    const container = 'coco2017-wds';
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    await createContainer(first, container);
    await createContainer(second, container);
    for (const [index, size] of SIZES.entries()) {
      const name = `train/shard-${String(index).padStart(6, '0')}.tar`;
      const content = new Uint8Array(randomBytes(size));
      await putBlob(index % 2 === 0 ? first : second, container, name, content);
      files.set(`${index % 2 === 0 ? 'datasets-cac' : 'datasets-wus3'}/${name}`, content);
    }
    const labels = new TextEncoder().encode('cat\ndog\n');
    await putBlob(first, container, 'labels/names of classes.txt', labels);
    files.set('datasets-cac/labels/names of classes.txt', labels);
    return { azurite, container, accounts: [first, second], files, [Symbol.asyncDispose]: () => azurite[Symbol.asyncDispose]() };
  } catch (error) {
    await azurite[Symbol.asyncDispose]();
    throw error;
  }
}

import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerTarget } from '../../src/dataset/container-target.ts';
import { verifyDataset, type ExpectedBlob } from '../../src/dataset/verify-dataset.ts';
import { CONTAINER, startBlobService, type BlobService } from './blob-service.ts';

let service: BlobService;
let folder: string;
let a: ContainerTarget;
let b: ContainerTarget;
beforeAll(async () => {
  service = await startBlobService();
  folder = await mkdtemp(join(tmpdir(), 'verify-dataset-'));
  [a, b] = ['alpha', 'beta'].map((account) => ({ account, container: CONTAINER, endpoint: service.endpoint(account) })) as [
    ContainerTarget,
    ContainerTarget,
  ];
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  service.blobs.clear();
  service.fault = () => undefined;
});

const store = (target: ContainerTarget, name: string, text: string, md5: string | undefined = hash('md5', text, 'base64')): void => {
  service.blobs.set(`${target.account}/${CONTAINER}/${name}`, { bytes: Buffer.from(text), md5, contentType: undefined });
};

async function local(target: ContainerTarget, blobName: string, text: string): Promise<ExpectedBlob> {
  const path = join(folder, blobName.replaceAll('/', '-'));
  await writeFile(path, text);
  return { target, blobName, path };
}

const verify = (expected: readonly ExpectedBlob[]) =>
  verifyDataset(expected, {
    targets: [a, b],
    prefix: 'train/',
    credential: { getToken: () => Promise.resolve({ token: 'token', expiresOnTimestamp: Date.now() + 3_600_000 }) },
    signal: new AbortController().signal,
    clientOptions: { ...{ tlsOptions: { ca: service.ca } }, retryOptions: { retryDelayInMs: 1 } },
  });

describe('verifyDataset', () => {
  it('finds nothing where all is as it should be, and looks at nothing outside the prefix', async () => {
    store(a, 'train/0.tar', 'zero');
    store(b, 'train/1.tar', 'one');
    store(b, 'other/1.tar', 'other');
    const expected = [await local(a, 'train/0.tar', 'zero'), await local(b, 'train/1.tar', 'one')];
    expect(await verify(expected)).toEqual({ same: 2, bytes: 7, compared: 2, differences: [] });
  });

  it('tells what is missing, too much, shorter, other, or without an MD5', async () => {
    store(a, 'train/2.tar', 'short');
    store(a, 'train/4.tar', 'other');
    service.blobs.set(`alpha/${CONTAINER}/train/6.tar`, { bytes: Buffer.from('unsure'), md5: undefined, contentType: undefined });
    store(a, 'train/old.tar', 'old');
    // An even shard where the odd ones are.
    store(b, 'train/0.tar', 'zero');
    const expected = await Promise.all([
      local(a, 'train/0.tar', 'zero'),
      local(a, 'train/2.tar', 'shorter'),
      local(a, 'train/4.tar', 'OTHER'),
      local(a, 'train/6.tar', 'unsure'),
    ]);
    const { same, differences } = await verify(expected);
    expect(same).toBe(0);
    expect(differences.map(({ target, blob, kind, expected: wanted, found }) => [target.account, blob, kind, wanted, found])).toEqual([
      ['alpha', 'train/0.tar', 'missing', undefined, undefined],
      ['alpha', 'train/2.tar', 'size', 7, 5],
      ['alpha', 'train/4.tar', 'md5', hash('md5', 'OTHER', 'base64'), hash('md5', 'other', 'base64')],
      ['alpha', 'train/6.tar', 'no-md5', undefined, undefined],
      ['alpha', 'train/old.tar', 'extra', undefined, 3],
      ['beta', 'train/0.tar', 'extra', undefined, 4],
    ]);
  });

  it('checks that blobs are there where the files are not', async () => {
    store(a, 'train/0.tar', 'zero');
    store(a, 'train/2.tar', '');
    const expected = ['train/0.tar', 'train/2.tar', 'train/4.tar'].map((blobName) => ({ target: a, blobName, path: undefined }));
    const { same, compared, differences } = await verify(expected);
    expect([same, compared]).toEqual([1, 0]);
    expect(differences.map(({ blob, kind }) => [blob, kind])).toEqual([
      ['train/2.tar', 'empty'],
      ['train/4.tar', 'missing'],
    ]);
  });

  it('fails when a container cannot be listed', async () => {
    service.fault = ({ account }) => (account === 'beta' ? { status: 403, code: 'AuthorizationFailure' } : undefined);
    await expect(verify([])).rejects.toMatchObject({
      code: 'INFRA_VERIFY_FAILED',
      message: expect.stringContaining('beta/data') as string,
    });
  });
});

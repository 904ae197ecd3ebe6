import { makeCertificate, startFakeAzure, type FakeAzure } from '@warpforge/azure-infra/testing';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SSH_PUBLIC_KEY, textAt } from '../infra/workplace.ts';
import { RunningProgram } from '../infra/running-program.ts';
import { lastLine } from './fleet.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

const BIN = fileURLToPath(new URL('../../../apps/infra/bin/warpforge-infra.mjs', import.meta.url));
const MACHINE = 'Microsoft.Compute/virtualMachines';

/** Above the 1500 MiB of a range, and so slowly read that an eviction comes in between. */
const LARGE_BYTES = 3_200_000_000;
const BANDWIDTH = 200_000_000;

interface Outputs {
  readonly queuePrefix: string;
  readonly storage: { readonly account: string; readonly blobEndpoint: string; readonly queueEndpoint: string };
  readonly scaleSet: { readonly name: string };
  readonly identities: { readonly manager: { readonly clientId: string }; readonly workers: { readonly clientId: string } };
}

const folder = mkdtempSync(join(tmpdir(), 'warpforge-scale-set-'));
const owned = new AsyncDisposableStack();
let azure: FakeAzure;

beforeAll(async () => {
  owned.defer(() => rmSync(folder, { recursive: true }));
  const certificate = owned.use(await makeCertificate());
  const azurite = owned.use(await startAzurite({ accounts: [{ name: 'upstream' }], queues: true, tls: certificate }));
  const [account] = azurite.accounts;
  azure = owned.use(
    await startFakeAzure({
      upstream: { url: account?.blobEndpoint ?? '', certificate: certificate.cert },
      queueUpstream: { url: account?.queueEndpoint ?? '', certificate: certificate.cert },
      directory: join(folder, 'azure'),
      path: '/usr/bin:/bin',
      resourceManager: { pollSeconds: 600, rolePropagationSeconds: 0 },
    }),
  );
  mkdirSync(join(folder, '.ssh'));
  writeFileSync(join(folder, '.ssh/id_ed25519.pub'), `${SSH_PUBLIC_KEY}\n`);
});
afterAll(() => owned.disposeAsync());

function start(args: readonly string[], variables: Readonly<Record<string, string>>): RunningProgram {
  const { NODE_COMPILE_CACHE: compiled = '' } = process.env;
  const env = { PATH: '/usr/bin:/bin', HOME: folder, NODE_COMPILE_CACHE: compiled, ...variables };
  return owned.use(new RunningProgram({ file: process.execPath, args: [BIN, 'cachewarmer', ...args], cwd: folder, env }));
}

function instances(): string[] {
  return azure.resourceManager
    .resources(MACHINE)
    .filter((machine) => textAt(machine, 'properties', 'virtualMachineScaleSet', 'id') !== '')
    .map((machine) => textAt(machine, 'id'));
}

describe('a CacheWarmer on Azure', () => {
  it('is provisioned, warms with Spot machines that are evicted and refilled, and ends at none', async () => {
    const provision = start(['provision', '--yes', '--json'], azure.environment);
    provision.endInput();
    const provisioned = await provision.end;
    expect(provisioned.code, provisioned.stderr).toBe(0);
    const outputs = JSON.parse(readFileSync(join(folder, '.warpforge/cachewarmer-outputs.json'), 'utf8')) as Outputs;
    const { account, blobEndpoint, queueEndpoint } = outputs.storage;
    const storage = {
      CACHEWARMER_QUEUE_PREFIX: outputs.queuePrefix,
      AZURE_STORAGE_ACCOUNT: account,
      AZURE_STORAGE_BLOB_ENDPOINT: blobEndpoint,
      AZURE_STORAGE_QUEUE_ENDPOINT: queueEndpoint,
    };

    const tree = join(folder, 'node/export');
    mkdirSync(tree, { recursive: true });
    for (let file = 0; file < 300; file++) writeFileSync(join(tree, String(file)), 'x');
    writeFileSync(join(tree, 'large'), '');
    truncateSync(join(tree, 'large'), LARGE_BYTES);
    const job = {
      WarmTargetMountAddresses: [pathToFileURL(join(folder, 'node')).href],
      WarmTargetExportPath: '/export',
      WarmTargetPath: '/',
    };
    const submit = start(['submit', '--job', '-', '--wait', '--json'], { ...azure.environment, ...storage });
    submit.type(JSON.stringify(job));
    submit.endInput();
    await submit.printed('"job"');

    const controller = azure.resourceManager.resources(MACHINE).find((machine) => textAt(machine, 'name').includes('controller'));
    const manager = start(['manager', '--launcher', 'vmss', '--once', '--workers', '2'], {
      ...azure.machineEnvironment(textAt(controller, 'id')),
      ...storage,
      AZURE_CLIENT_ID: outputs.identities.manager.clientId,
      AZURE_SUBSCRIPTION_ID: azure.resourceManager.subscriptionId,
      CACHEWARMER_SCALE_SET: outputs.scaleSet.name,
      CACHEWARMER_RESOURCE_GROUP: 'warpdrive-forge-rg-cachewarmer',
    });

    // What cloud-init does on each machine that comes.
    const workers = new Map<string, RunningProgram>();
    let evicted: string | undefined;
    let most = 0;
    const over = new AbortController();
    void manager.end.then(() => over.abort());
    while (!over.signal.aborted) {
      const live = instances();
      most = Math.max(most, live.length);
      for (const id of live) {
        if (workers.has(id)) continue;
        const identity = { ...azure.machineEnvironment(id), AZURE_CLIENT_ID: outputs.identities.workers.clientId };
        const args = ['worker', '--name', id.slice(id.lastIndexOf('/') + 1), '--imds', 'off', '--bandwidth', String(BANDWIDTH)];
        workers.set(id, start(args, { ...identity, ...storage, CACHEWARMER_LEASE_SECONDS: '6' }));
      }
      for (const [id, worker] of workers) if (!live.includes(id)) worker.kill('SIGKILL');
      const [first] = live;
      if (evicted === undefined && first !== undefined && workers.get(first)?.output.includes('worker started') === true) {
        evicted = first;
        azure.resourceManager.evict(first);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }

    const { code, stdout, stderr } = await submit.end;
    expect(code, stderr + (await manager.end).stderr).toBe(0);
    expect(lastLine(stdout)).toMatchObject({ state: 'warm', files: 301, bytes: 300 + LARGE_BYTES, failedCount: 0 });
    expect((await manager.end).code).toBe(0);
    expect(most).toBeLessThanOrEqual(2);
    expect(workers.size).toBeGreaterThan(1);
    // Deleting machines takes Azure a while.
    azure.resourceManager.clock.advance(600);
    expect(instances()).toEqual([]);
  });
});

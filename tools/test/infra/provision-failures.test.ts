import { DEFAULT_PRINCIPAL, writeAzureCliStub } from '@warpforge/azure-infra/testing';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage, type WorkplaceOptions } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

const DEPLOYMENT = 'PUT /subscriptions/5b5b5b5b-0000-4000-a000-00000000000b/providers/Microsoft.Resources/deployments/';
const OTHER_SUBSCRIPTION = '22222222-2222-4222-8222-222222222222';
const MONTHS_MS = 90 * 24 * 3_600_000;

type Variables = Readonly<Record<string, string>>;

/** What a person does wrong, or meets. */
interface Case {
  readonly what: string;
  readonly azure?: WorkplaceOptions['resourceManager'];
  readonly args?: readonly string[];
  /** Makes it so. */
  readonly prepare?: (place: Workplace) => unknown;
  /** Variables that differ. */
  readonly variables?: (place: Workplace) => Promise<Variables> | Variables;
  /** Default 1. */
  readonly code?: number;
  /** Must be in what it prints on standard error, all of it. */
  readonly says: readonly string[];
}

function as(...roles: readonly string[]): Case['azure'] {
  return { principals: [{ ...DEFAULT_PRINCIPAL, roles }] };
}

/** Runs it, and expects that it says why it fails and that nothing has been sent. */
async function expectRefusal({ azure, args = [], prepare, variables, code = 1, says }: Case): Promise<void> {
  await using place = await Workplace.open(storage, { resourceManager: azure });
  prepare?.(place);
  const before = place.names();
  const ended = await place.run(['provision', '--yes', ...args], await variables?.(place));
  expect(ended.stderr).toMatch(/^warpforge-infra: /);
  for (const text of says) expect(ended.stderr).toContain(text);
  expect(ended.code).toBe(code);
  // No trace of where in the program it happened, which nobody wants to read.
  expect(ended.stderr).not.toMatch(/^ +at /m);
  expect(ended.stdout).not.toContain('==> Deploying');
  expect(place.names()).toEqual(before);
  expect(place.manager.log.filter(({ method, status }) => method === 'PUT' && status < 400)).toEqual([]);
  expect(place.file('.warpforge/outputs.json')).toBeUndefined();
}

describe('what would fail halfway is found before anything is sent', () => {
  it.each<Case>([
    {
      what: 'a quota',
      azure: { quota: { standardDSv5Family: 2 } },
      says: [
        'the deployment would fail, so nothing was sent:\n',
        'the quota "standardDSv5Family" in canadacentral has 2 of 2 cores left, and 4 more are needed [INFRA_CHECK_QUOTA]',
        'ask for a limit of at least 4 in the portal under "Quotas", or set VM_SIZE or LOCATION_A to another',
      ],
    },
    {
      what: 'a size that the subscription cannot have',
      azure: {
        regions: [
          { name: 'canadacentral', displayName: 'Canada Central', withoutSkus: ['Standard_D4s_v5'] },
          { name: 'westus3', displayName: 'West US 3' },
        ],
      },
      says: ['this subscription cannot have Standard_D4s_v5 in canadacentral: NotAvailableForSubscription [INFRA_CHECK_VM_SIZE]'],
    },
    {
      what: 'a size that does not exist',
      args: ['--vm-size', 'Standard_D3s_v9'],
      says: ['canadacentral does not offer the size Standard_D3s_v9 [INFRA_CHECK_VM_SIZE]', 'az vm list-skus --location canadacentral'],
    },
    {
      what: 'a name that somebody else has',
      azure: { takenAccountNames: ['mine'] },
      args: ['--storage-account-a', 'mine'],
      says: [
        'the storage account name mine cannot be had: ',
        'already taken',
        'set STORAGE_ACCOUNT_A, STORAGE_ACCOUNT_B or CACHEWARMER_STORAGE_ACCOUNT to another name',
      ],
    },
    {
      what: 'a Contributor, who may not give the VM its rights',
      azure: as('Contributor'),
      says: [
        'you may not assign roles in the subscription (Microsoft.Authorization/roleAssignments/write) [INFRA_CHECK_RIGHTS]',
        'ask for the role "Role Based Access Control Administrator"',
      ],
    },
    {
      what: 'a group of another environment',
      prepare: ({ manager }) =>
        manager.place(`/subscriptions/${manager.subscriptionId}/resourceGroups/warpdrive-forge-rg`, {
          location: 'canadacentral',
          tags: { 'warpforge-env': 'other' },
          properties: { provisioningState: 'Succeeded' },
        }),
      says: ['belongs to the environment "other", whose teardown would delete what is made now [INFRA_CHECK_RESOURCE_GROUP]'],
    },
  ])('$what', expectRefusal);

  it('a region, where Azure does not even compare', () =>
    expectRefusal({ what: '', args: ['--location-a', 'atlantis'], says: ['atlantis'] }));
});

describe('what Azure refuses', () => {
  it.each<Case>([
    {
      what: 'somebody who may only read',
      azure: as('Reader'),
      says: ['asking Azure what would change failed (HTTP 403): AuthorizationFailed: ', 'Ask an owner of the subscription for the role'],
    },
    {
      what: 'what a policy forbids',
      prepare: ({ manager }) => manager.faults.deny({ path: /\/validate$/i }),
      says: ['validating the deployment failed (HTTP 403): RequestDisallowedByPolicy: ', 'A policy forbids it'],
    },
    {
      what: 'a deployment that another run has just started',
      prepare: ({ manager }) =>
        manager.faults.inject({ match: { method: 'PUT' }, status: 409, code: 'DeploymentActive', message: 'It is still active.' }),
      says: [
        'starting the deployment failed (HTTP 409): DeploymentActive: It is still active.',
        'run the same command again, which follows it',
      ],
    },
    {
      what: 'a subscription that is not there',
      args: ['--subscription-id', OTHER_SUBSCRIPTION],
      says: [`SubscriptionNotFound: The subscription '${OTHER_SUBSCRIPTION}' could not be found.`, 'Set AZURE_SUBSCRIPTION_ID to one'],
    },
    {
      what: 'a sign-in that is too old',
      azure: { wallClock: () => Date.now() + MONTHS_MS },
      says: ['(HTTP 401): ExpiredAuthenticationToken: ', 'Sign in again with "az login"'],
    },
    {
      what: 'everything, because it is broken',
      prepare: ({ manager }) => manager.faults.inject({ match: { path: /\/whatIf$/i }, status: 500, code: 'InternalServerError' }),
      says: ['asking Azure what would change failed (HTTP 500): InternalServerError: ', 'run the same command again in a few minutes'],
    },
  ])('$what', expectRefusal);
});

describe('what is missing here', () => {
  it.each<Case>([
    {
      what: 'a subscription',
      variables: () => ({ AZURE_SUBSCRIPTION_ID: '' }),
      code: 2,
      says: ['no subscription is given: export AZURE_SUBSCRIPTION_ID="$(az account show --query id --output tsv)"'],
    },
    {
      what: 'an SSH key',
      prepare: ({ home }) => rmSync(join(home, '.ssh/id_ed25519.pub')),
      says: ['there is no public SSH key: ', '/.ssh/id_rsa.pub do not exist\nmake one with "ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519"'],
    },
    {
      what: 'a public key, where the private one was named',
      prepare: ({ folder }) => writeFileSync(join(folder, 'key'), '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n'),
      args: ['--ssh-public-key', 'key'],
      says: [
        'key: the file of the public SSH key is a private key, which must never leave your machine\ngive the file beside it that ends in .pub',
      ],
    },
    {
      what: 'the Azure CLI',
      variables: ({ home }) => ({ PATH: home }),
      says: ['could not sign in to Azure: run "az login", or set AZURE_TOKEN_CREDENTIALS', 'Azure CLI could not be found'],
    },
    {
      what: 'a sign-in',
      variables: ({ home }) => ({ PATH: `${signedOut(home)}:/usr/bin:/bin` }),
      says: ['could not sign in to Azure: run "az login"', "Please run 'az login'"],
    },
    {
      what: 'the network',
      variables: async ({ manager: { tenantId, subscriptionId }, home }) => {
        // A port on which nobody listens.
        const resourceManagerEndpoint = 'https://127.0.0.1:1';
        const user = { objectId: DEFAULT_PRINCIPAL.objectId, name: 'owner@example.com', address: '203.0.113.7' };
        const az = await writeAzureCliStub({ directory: join(home, 'bin'), tenantId, subscriptionId, user, resourceManagerEndpoint });
        return { PATH: `${dirname(az)}:/usr/bin:/bin`, AZURE_RESOURCE_MANAGER_ENDPOINT: resourceManagerEndpoint };
      },
      says: ['ECONNREFUSED 127.0.0.1:1', 'Check that this machine reaches Azure, and AZURE_RESOURCE_MANAGER_ENDPOINT where that is set'],
    },
    {
      what: 'a network for SSH, where all of them were named',
      args: ['--ssh-sources', '0.0.0.0/0'],
      code: 2,
      says: ['--ssh-sources: must not open port 22 to every address'],
    },
  ])('$what', expectRefusal);

  function signedOut(home: string): string {
    const folder = join(home, 'bin');
    mkdirSync(folder);
    writeFileSync(join(folder, 'az'), `#!/bin/sh\necho "ERROR: Please run 'az login' to setup account." >&2\nexit 1\n`, { mode: 0o755 });
    return folder;
  }
});

describe('a deployment that fails in the middle', () => {
  it('exits with 1 and the reason of Azure, keeps what is there, and is complete after the next run', async () => {
    await using place = await Workplace.open(storage);
    const reason = { code: 'AllocationFailed', message: 'There is not enough capacity in canadacentral.', times: 1 };
    place.manager.faults.failResource({ type: TYPES.vm }, reason);
    const { code, stdout, stderr } = await place.run(['provision', '--yes']);
    expect(code).toBe(1);
    expect(stdout).toContain('Compute/virtualMachines warpdrive-forge-vm: FAILED: AllocationFailed: There is not enough capacity');
    expect(stderr).toMatch(/^warpforge-infra: the deployment warpforge-warpdrive-forge-\w+ failed:\nAllocationFailed: There is not enough/);
    expect(stderr).toContain('What was created is still there. Once the reason is mended, the same command goes on from it');
    expect(place.file('.warpforge/outputs.json')).toBeUndefined();
    expect(place.manager.resources(TYPES.container)).toHaveLength(2);

    const rerun = await place.succeed(['provision', '--yes']);
    expect(rerun).toContain('(its last deployment failed)');
    expect(rerun).not.toMatch(/create +Storage/);
    expect(textAt(place.only(TYPES.vm), 'properties', 'provisioningState')).toBe('Succeeded');
    expect(place.file('.warpforge/outputs.json')).toContain(place.vmPrincipal);
  });

  it('is told to go on in Azure where only the way to it has failed', async () => {
    await using place = await Workplace.open(storage);
    place.manager.faults.inject({
      match: { method: 'GET', path: /\/deployments\/warpforge-[^/]+$/ },
      times: 1,
      status: 403,
      code: 'AuthorizationFailed',
    });
    const { code, stderr } = await place.run(['provision', '--yes']);
    expect(code).toBe(1);
    expect(stderr).toContain('reading the deployment failed (HTTP 403): AuthorizationFailed');
    expect(stderr).toMatch(/\nthe deployment warpforge-\S+ goes on in Azure; the same command follows it\n$/);
    const before = place.manager.log.length;
    expect(await place.succeed(['provision', '--yes'])).toMatch(/^==> The deployment warpforge-\S+ is running already; following it$/m);
    expect(place.writes(before)).toEqual([]);
    expect(place.file('.warpforge/outputs.json')).toContain(place.vmPrincipal);
  });
});

describe('a service that is busy', () => {
  it('is asked again when it says so, and once more where it has failed', async () => {
    await using place = await Workplace.open(storage);
    const { faults } = place.manager;
    faults.throttle({ method: 'PUT' }, { times: 1, retryAfter: 1 });
    faults.inject({ match: { path: /\/whatIf$/i }, times: 1, status: 500, code: 'InternalServerError' });
    await place.succeed(['provision', '--yes']);
    const [first, second, ...more] = place.writes();
    expect(first).toContain(DEPLOYMENT);
    expect([second, more]).toEqual([first, []]);
    expect(place.manager.log.filter(({ status }) => status === 429 || status === 500)).toHaveLength(2);
  });
});

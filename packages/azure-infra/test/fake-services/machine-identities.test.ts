import { expect, it } from 'vitest';
import type { FakeResourceManager } from '../../src/testing/fake-resource-manager.ts';
import { machineIdentityEndpoints, machineIdentityVariables } from '../../src/testing/machine-identities.ts';
import { readToken } from '../../src/testing/tokens.ts';
import { fakeWithGroup, GROUP, TENANT } from '../fake/fake-requests.ts';

const idOf = (type: string, name: string): string => `${GROUP}/providers/Microsoft.${type}/${name}`;
const IDENTITY = idOf('ManagedIdentity/userAssignedIdentities', 'workers');
const [WORKER, CONTROLLER] = ['workers_0a1b2c3d', 'controller'].map((name) => idOf('Compute/virtualMachines', name));
const [OBJECT, CLIENT, OWN] = [1, 2, 3].map((digit) => `d8c95a5e-2d3d-4b37-9d0a-2b6f1f7f000${digit}`);

function machines(): FakeResourceManager {
  const fake = fakeWithGroup();
  const identity = { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: { principalId: OBJECT, clientId: CLIENT } } };
  fake.place(WORKER!, { location: 'eastus', identity });
  fake.place(CONTROLLER!, { location: 'eastus', identity: { type: 'SystemAssigned', principalId: OWN } });
  return fake;
}

it('gives every machine the tokens of its own identities, and of no other', async () => {
  const endpoints = machineIdentityEndpoints({ tenantId: TENANT, manager: machines(), secret: 'secret' });
  const ask = async (machine: string, query = '', from = machine): Promise<string | number | undefined> => {
    const { IDENTITY_ENDPOINT } = machineIdentityVariables('https://127.0.0.1:1', 'secret', machine);
    const { IDENTITY_HEADER = '' } = machineIdentityVariables('https://127.0.0.1:1', 'secret', from);
    const url = `${IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=https://storage.azure.com${query}`;
    const { status, body } = await endpoints({ method: 'GET', url, headers: { 'x-identity-header': IDENTITY_HEADER }, body: '' });
    return status === 200 ? readToken(`Bearer ${(JSON.parse(body) as { access_token: string }).access_token}`)?.objectId : status;
  };
  expect(await ask(WORKER!)).toBe(OBJECT);
  expect(await ask(WORKER!, `&client_id=${CLIENT}`)).toBe(OBJECT);
  expect(await ask(WORKER!, `&mi_res_id=${IDENTITY}`)).toBe(OBJECT);
  expect(await ask(WORKER!, `&client_id=${OWN}`)).toBe(400);
  expect(await ask(CONTROLLER!)).toBe(OWN);
  expect(await ask(CONTROLLER!, '', WORKER)).toBe(401);
  expect(await ask(`${WORKER}x`)).toBe(400);
});

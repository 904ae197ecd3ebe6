import { describe, expect, it } from 'vitest';
import { at, stringAt, type JsonObject } from '../../src/testing/arm/json.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/fake-resource-manager.ts';
import { template } from './environment-template.ts';
import { deploy, fakeWithGroup, GROUP, send } from './fake-requests.ts';

const API = '2024-05-01';
const NETWORK = `${GROUP}/providers/Microsoft.Network`;
const ID = (type: string, ...names: string[]) =>
  `[resourceId('Microsoft.Network/${type}', ${names.map((name) => `'${name}'`).join(', ')})]`;
const PEOPLE = 'aaaaaaaa-1111-4000-8000-000000000001';

function vnet(name: string, location: string, prefix: string, more: JsonObject = {}): JsonObject {
  return {
    type: 'Microsoft.Network/virtualNetworks',
    apiVersion: API,
    name,
    location,
    properties: { addressSpace: { addressPrefixes: [prefix] }, subnets: [] },
    ...more,
  };
}

function peering(from: string, to: string): JsonObject {
  return {
    type: 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings',
    apiVersion: API,
    name: `${from}/to-${to}`,
    properties: { allowVirtualNetworkAccess: true, remoteVirtualNetwork: { id: ID('virtualNetworks', to) } },
    dependsOn: [ID('virtualNetworks', from), ID('virtualNetworks', to)],
  };
}

const near = vnet('near', 'eastus', '10.1.0.0/16');
const far = vnet('far', 'westeurope', '10.2.0.0/16');

async function deployed(...resources: JsonObject[]) {
  const fake = fakeWithGroup();
  const done = await deploy(fake, template(resources));
  return { fake, done, error: at(done.json, 'properties.error.details.0.code') };
}

const stateOf = (fake: ReturnType<typeof fakeWithGroup>, from: string, to: string) =>
  at(fake.resource(`${NETWORK}/virtualNetworks/${from}/virtualNetworkPeerings/to-${to}`), 'properties.peeringState');

describe('peerings of networks', () => {
  it('connect networks of two regions once both directions are there, and are shown by their networks', async () => {
    const { fake } = await deployed(near, far, peering('near', 'far'));
    expect(stateOf(fake, 'near', 'far')).toBe('Initiated');
    await deploy(fake, template([near, far, peering('near', 'far'), peering('far', 'near')]));
    expect([stateOf(fake, 'near', 'far'), stateOf(fake, 'far', 'near')]).toEqual(['Connected', 'Connected']);
    expect(fake.resource(`${NETWORK}/virtualNetworks/near`)).toMatchObject({
      properties: { virtualNetworkPeerings: [{ name: 'to-far', properties: { peeringState: 'Connected' } }] },
    });
  });

  it('are disconnected by the end of the other one, and must be made anew in the right order', async () => {
    const { fake } = await deployed(near, far, peering('near', 'far'), peering('far', 'near'));
    await send(fake, 'DELETE', `${NETWORK}/virtualNetworks/far/virtualNetworkPeerings/to-near?api-version=${API}`);
    fake.clock.advance(60);
    expect(stateOf(fake, 'near', 'far')).toBe('Disconnected');
    const failed = await deploy(fake, template([near, far, peering('far', 'near')]));
    expect(at(failed.json, 'properties.error.details.0.code')).toBe('RemotePeeringIsDisconnected');
    await deploy(fake, template([near, far, peering('near', 'far')]));
    await deploy(fake, template([near, far, peering('far', 'near')]));
    expect([stateOf(fake, 'near', 'far'), stateOf(fake, 'far', 'near')]).toEqual(['Connected', 'Connected']);
  });

  it.each<[string, JsonObject[], string]>([
    [
      'networks with addresses in common',
      [near, vnet('far', 'eastus', '10.1.128.0/20'), peering('near', 'far')],
      'VnetAddressSpacesOverlap',
    ],
    ['a network within the other', [near, vnet('far', 'eastus', '10.0.0.0/8'), peering('near', 'far')], 'VnetAddressSpacesOverlap'],
    [
      'a network that is not there',
      [near, { ...peering('near', 'far'), dependsOn: [ID('virtualNetworks', 'near')] }],
      'InvalidResourceReference',
    ],
    [
      'a second one to the same network',
      [
        near,
        far,
        peering('near', 'far'),
        { ...peering('near', 'far'), name: 'near/again', dependsOn: [ID('virtualNetworks/virtualNetworkPeerings', 'near', 'to-far')] },
      ],
      'AnotherPeeringAlreadyReferencesRemoteVnet',
    ],
  ])('refuse %s', async (_what, resources, code) => {
    expect((await deployed(...resources)).error).toBe(code);
  });

  it('take the right to peer with the other network', async () => {
    const fake = fakeWithGroup({
      principals: [
        DEFAULT_PRINCIPAL,
        { objectId: PEOPLE, type: 'User', roles: [{ role: 'Contributor', scope: `${NETWORK}/virtualNetworks/near` }] },
      ],
    });
    await deploy(fake, template([near, far]));
    const path = `${NETWORK}/virtualNetworks/near/virtualNetworkPeerings/to-far?api-version=${API}`;
    const body = { properties: { remoteVirtualNetwork: { id: `${NETWORK}/virtualNetworks/far` } } };
    const refused = await send(fake, 'PUT', path, { body, objectId: PEOPLE });
    expect([refused.status, at(refused.json, 'error.code')]).toEqual([403, 'LinkedAuthorizationFailed']);
    expect(stringAt(refused.json, 'error.message')).toContain(
      "action 'Microsoft.Network/virtualNetworks/peer/action' on the linked scope(s)",
    );
  });
});

describe('NAT gateways', () => {
  const address = (sku: string): JsonObject => ({
    type: 'Microsoft.Network/publicIPAddresses',
    apiVersion: API,
    name: 'nat-ip',
    location: 'eastus',
    sku: { name: sku },
    properties: { publicIPAllocationMethod: 'Static' },
  });
  const gateway = (name = 'nat'): JsonObject => ({
    type: 'Microsoft.Network/natGateways',
    apiVersion: API,
    name,
    location: 'eastus',
    sku: { name: 'Standard' },
    properties: { publicIpAddresses: [{ id: ID('publicIPAddresses', 'nat-ip') }] },
    dependsOn: [ID('publicIPAddresses', 'nat-ip')],
  });
  const subnets = ['private', 'other'].map((name, index) => ({
    name,
    properties: { addressPrefix: `10.1.${index}.0/24`, natGateway: { id: ID('natGateways', 'nat') } },
  }));
  const guarded = vnet('near', 'eastus', '10.1.0.0/16', {
    properties: { addressSpace: { addressPrefixes: ['10.1.0.0/16'] }, subnets },
    dependsOn: [ID('natGateways', 'nat')],
  });

  it('serve several subnets, and are there as long as one of these is', async () => {
    const { fake } = await deployed(address('Standard'), gateway(), guarded);
    expect(fake.resource(`${NETWORK}/natGateways/nat`)).toMatchObject({
      properties: {
        subnets: [{ id: `${NETWORK}/virtualNetworks/near/subnets/private` }, { id: `${NETWORK}/virtualNetworks/near/subnets/other` }],
      },
    });
    const remove = async (path: string) => {
      const { status, json } = await send(fake, 'DELETE', `${NETWORK}/${path}?api-version=${API}`);
      fake.clock.advance(60);
      return at(json, 'error.code') ?? status;
    };
    expect(await remove('natGateways/nat')).toBe('InUseNatGatewayCannotBeDeleted');
    expect(await remove('publicIPAddresses/nat-ip')).toBe('PublicIPAddressCannotBeDeleted');
    for (const path of ['virtualNetworks/near', 'natGateways/nat', 'publicIPAddresses/nat-ip']) expect(await remove(path)).toBe(202);
    expect(fake.resources('Microsoft.Network/publicIPAddresses')).toEqual([]);
  });

  it.each<[string, JsonObject[], string]>([
    ['a basic address', [address('Basic'), gateway()], 'InvalidRequestFormat'],
    [
      'an address that another one has',
      [address('Standard'), gateway(), { ...gateway('second'), dependsOn: [ID('natGateways', 'nat')] }],
      'PublicIPAddressInUse',
    ],
    ['a subnet whose gateway is not there', [{ ...guarded, dependsOn: [] }], 'InvalidResourceReference'],
  ])('refuse %s', async (_what, resources, code) => {
    expect((await deployed(...resources)).error).toBe(code);
  });
});

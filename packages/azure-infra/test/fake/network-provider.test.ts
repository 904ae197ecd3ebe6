import { describe, expect, it } from 'vitest';
import { at, listAt, withValue, type Json, type JsonObject } from '../../src/testing/arm/json.ts';
import { deploy, fakeWithGroup, GROUP, send, requestFor, idsInGroup } from './fake-requests.ts';
import { network, template } from './environment-template.ts';

const VERSION = '?api-version=2024-05-01';
const path = (type: string, name: string) => `${GROUP}/providers/Microsoft.Network/${type}/${name}${VERSION}`;

async function withNetwork() {
  const fake = fakeWithGroup();
  await deploy(fake, template(network));
  return fake;
}

/** The resource as a deployment's template has it, with ids instead of expressions. */
function body(index: number): JsonObject {
  const ids = JSON.stringify(network[index]).replaceAll(
    /"\[resourceId\('([^']+)', '(\w+)'(?:, '(\w+)')?\)\]"/g,
    (_match, type: string, name: string, child?: string) => {
      const [namespace, outer, inner] = type.split('/');
      return JSON.stringify(`${GROUP}/providers/${namespace!}/${outer!}/${name}${child === undefined ? '' : `/${inner!}/${child}`}`);
    },
  );
  return requestFor(JSON.parse(ids) as JsonObject).body;
}

const [NSG, VNET, IP, NIC] = [0, 1, 2, 3] as const;

async function put(fake: ReturnType<typeof fakeWithGroup>, type: string, name: string, wanted: JsonObject) {
  const { status, json } = await send(fake, 'PUT', path(type, name), { body: wanted });
  fake.clock.advance(60);
  return [status, at(json, 'error.code')];
}

async function remove(fake: ReturnType<typeof fakeWithGroup>, type: string, name: string) {
  const { status, json } = await send(fake, 'DELETE', path(type, name));
  fake.clock.advance(60);
  return [status, at(json, 'error.code')];
}

describe('the network', () => {
  it('can be taken down only from its end', async () => {
    const fake = await withNetwork();
    expect(await remove(fake, 'networkSecurityGroups', 'nsg')).toEqual([400, 'InUseNetworkSecurityGroupCannotBeDeleted']);
    expect(await remove(fake, 'virtualNetworks', 'vnet')).toEqual([400, 'InUseSubnetCannotBeDeleted']);
    expect(await remove(fake, 'virtualNetworks/vnet/subnets', 'default')).toEqual([400, 'InUseSubnetCannotBeDeleted']);
    expect(await remove(fake, 'publicIPAddresses', 'ip')).toEqual([400, 'PublicIPAddressCannotBeDeleted']);
    fake.change(`${GROUP}/providers/Microsoft.Network/networkInterfaces/nic`, (nic) =>
      withValue(nic, 'properties.virtualMachine', { id: 'vm' }),
    );
    expect(await remove(fake, 'networkInterfaces', 'nic')).toEqual([400, 'NicInUse']);
    fake.change(`${GROUP}/providers/Microsoft.Network/networkInterfaces/nic`, (nic) =>
      withValue(nic, 'properties.virtualMachine', undefined),
    );
    for (const [type, name] of [
      ['networkInterfaces', 'nic'],
      ['publicIPAddresses', 'ip'],
      ['virtualNetworks', 'vnet'],
      ['networkSecurityGroups', 'nsg'],
    ] as const) {
      expect(await remove(fake, type, name)).toEqual([202, undefined]);
    }
    expect(idsInGroup(fake)).toEqual([]);
  });

  it('has subnets that a put of the network makes and removes, or leaves when it does not name any', async () => {
    const fake = await withNetwork();
    const subnets = async () =>
      listAt((await send(fake, 'GET', path('virtualNetworks', 'vnet'))).json, 'properties.subnets').map((subnet) => at(subnet, 'name'));
    const more = withValue(body(VNET), 'properties.subnets', [
      ...listAt(body(VNET), 'properties.subnets'),
      { name: 'more', properties: { addressPrefix: '10.20.1.0/24' } },
    ]);
    expect(await put(fake, 'virtualNetworks', 'vnet', more)).toEqual([200, undefined]);
    expect(await subnets()).toEqual(['default', 'more']);
    expect(await put(fake, 'virtualNetworks', 'vnet', withValue(body(VNET), 'properties.subnets', undefined))).toEqual([200, undefined]);
    expect(await subnets()).toEqual(['default', 'more']);
    expect(await put(fake, 'virtualNetworks', 'vnet', withValue(body(VNET), 'properties.subnets', []))).toEqual([
      400,
      'InUseSubnetCannotBeDeleted',
    ]);
    expect(await put(fake, 'virtualNetworks/vnet/subnets', 'third', { properties: { addressPrefix: '10.20.2.0/24' } })).toEqual([
      201,
      undefined,
    ]);
    expect(await put(fake, 'virtualNetworks', 'vnet', body(VNET))).toEqual([200, undefined]);
    expect(await subnets()).toEqual(['default']);
    expect(await put(fake, 'virtualNetworks/none/subnets', 'x', { properties: { addressPrefix: '10.20.2.0/24' } })).toEqual([
      404,
      'ParentResourceNotFound',
    ]);
  });

  const rule = (more: JsonObject): JsonObject => ({
    name: 'a',
    properties: {
      priority: 100,
      direction: 'Inbound',
      access: 'Allow',
      protocol: 'Tcp',
      sourceAddressPrefix: '*',
      destinationAddressPrefix: '*',
      ...more,
    },
  });
  it.each<[string, number, string, Json, string]>([
    ['a network without addresses', VNET, 'properties.addressSpace', {}, 'VnetAddressSpaceIsNotSpecified'],
    ['a subnet without addresses', VNET, 'properties.subnets', [{ name: 'x', properties: {} }], 'InvalidRequestFormat'],
    [
      'a subnet with a security group that is not there',
      VNET,
      'properties.subnets',
      [
        {
          name: 'x',
          properties: {
            addressPrefix: '10.20.9.0/24',
            networkSecurityGroup: { id: `${GROUP}/providers/Microsoft.Network/networkSecurityGroups/none` },
          },
        },
      ],
      'InvalidResourceReference',
    ],
    ['a rule with an impossible priority', NSG, 'properties.securityRules', [rule({ priority: 99 })], 'SecurityRuleInvalidPriority'],
    ['a rule without a source', NSG, 'properties.securityRules', [rule({ sourceAddressPrefix: null })], 'SecurityRuleMissingAddressPrefix'],
    ['a rule with an impossible protocol', NSG, 'properties.securityRules', [rule({ protocol: 'Ssh' })], 'InvalidParameter'],
    ['two rules of one priority', NSG, 'properties.securityRules', [rule({}), { ...rule({}), name: 'b' }], 'SecurityRuleConflict'],
    ['a dynamic address of the standard kind', IP, 'properties.publicIPAllocationMethod', 'Dynamic', 'PublicIPAllocationMethodNotAllowed'],
    ['another kind of address', IP, 'sku.name', 'Basic', 'PublicIPAddressSkuCannotBeChanged'],
    ['an interface without configuration', NIC, 'properties.ipConfigurations', [], 'NetworkInterfaceMustHaveIpConfiguration'],
    ['another region', NIC, 'location', 'westus3', 'InvalidResourceLocation'],
    ['no region', NSG, 'location', null, 'LocationRequired'],
  ])('refuses %s', async (_what, index, where, value, code) => {
    const fake = await withNetwork();
    const { type, name } = requestFor(network[index]!);
    expect((await put(fake, type.split('/')[1]!, name, withValue(body(index), where, value)))[1]).toBe(code);
  });

  it('lets an address have one user, in its own region', async () => {
    const fake = await withNetwork();
    expect(await put(fake, 'networkInterfaces', 'other', body(NIC))).toEqual([400, 'PublicIPAddressInUse']);
    expect(await put(fake, 'networkInterfaces', 'far', { ...body(NIC), location: 'westus3' })).toEqual([400, 'InvalidResourceReference']);
    expect(await put(fake, 'networkInterfaces', 'not-a-name-', body(NIC))).toEqual([400, 'InvalidResourceName']);
  });

  it('keeps what the service gave to a resource when it is written again', async () => {
    const fake = await withNetwork();
    const before = fake.resources();
    for (const index of [NSG, VNET, IP, NIC]) {
      const { type, name } = requestFor(network[index]!);
      expect(await put(fake, type.split('/')[1]!, name, body(index))).toEqual([200, undefined]);
    }
    expect(fake.resources()).toEqual(before);
  });
});

import { DeploymentsClient } from '@azure/arm-resourcesdeployments';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, isList, isObject, listAt, stringAt, withValue, type Json, type JsonObject } from '../../src/testing/arm/json.ts';
import { connection, deploy, FAST, fakeAzure, fakeWithGroup, GROUP, send, SUBSCRIPTION } from './fake-requests.ts';
import { environment, machine, network, storage, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  deployments: new DeploymentsClient(...connection(...as)),
});

const WHAT_IF = `${GROUP}/providers/Microsoft.Resources/deployments/main/whatIf?api-version=2022-09-01`;

/** What is reported although nothing changes: defaults that no template states, and what the service never returns. */
const NOISE: Readonly<Record<string, readonly string[]>> = {
  nic: ['Delete kind', 'Delete properties.nicType'],
  vm: [
    'Delete properties.storageProfile.osDisk.diskSizeGB',
    'Delete properties.osProfile.requireGuestProvisionSignal',
    'Create properties.osProfile.customData',
  ],
  data: ['Delete properties.defaultEncryptionScope', 'Delete properties.denyEncryptionScopeOverride'],
};

/** The changes as `<kind> <path>`, children by their whole path. */
function flat(delta: readonly Json[], prefix = ''): readonly string[] {
  return delta.flatMap((change) => {
    const path = `${prefix}${stringAt(change, 'path')!}`;
    const children = listAt(change, 'children');
    return children.length > 0 ? flat(children, `${path}.`) : [`${stringAt(change, 'propertyChangeType')!} ${path}`];
  });
}

async function whatIf(fake: ReturnType<typeof fakeAzure>, body: JsonObject, settings: JsonObject = {}) {
  const begun = await send(fake, 'POST', WHAT_IF, { body: { properties: { mode: 'Incremental', template: body, ...settings } } });
  expect(begun.status).toBe(202);
  const url = new URL(begun.headers['location']!);
  for (;;) {
    const response = await send(fake, 'GET', `${url.pathname}${url.search}`);
    if (response.status !== 202) return response.json;
  }
}

const summary = (result: Json) =>
  listAt(result, 'properties.changes').map((change) => [
    stringAt(change, 'resourceId')!.split('/').at(-1)!,
    stringAt(change, 'changeType'),
    flat(listAt(change, 'delta')),
  ]);

const all = [...network, machine, ...storage('accounta')];

describe('what-if', () => {
  it('shows what is new', async () => {
    const fake = fakeWithGroup();
    const result = await whatIf(fake, template(all));
    expect(at(result, 'status')).toBe('Succeeded');
    expect(summary(result)).toEqual(['nsg', 'vnet', 'ip', 'nic', 'vm', 'accounta', 'data'].map((name) => [name, 'Create', []]));
    expect(at(result, 'properties.changes.2.after')).toMatchObject({
      name: 'ip',
      type: 'Microsoft.Network/publicIPAddresses',
      apiVersion: '2024-05-01',
      location: 'eastus',
    });
    expect(fake.resources(network[0]!['type'] as string)).toEqual([]);
  });

  it('shows nothing but the known noise once it is deployed, and what is in the group besides', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template(all));
    const expected = ['nsg', 'vnet', 'ip', 'nic', 'vm', 'accounta', 'data'].map((name) => [
      name,
      NOISE[name] === undefined ? 'NoChange' : 'Modify',
      NOISE[name] ?? [],
    ]);
    const disk = expect.stringMatching(/^vm_disk1_/) as string;
    expect(summary(await whatIf(fake, template(all)))).toEqual([...expected, [disk, 'Ignore', []]]);
    expect(
      summary(await whatIf(fake, template(network)))
        .map(([name, kind]) => `${String(kind)} ${String(name)}`)
        .slice(4),
    ).toEqual(['Ignore accounta', 'Ignore vm', expect.stringMatching(/^Ignore vm_disk1_/)]);
  });

  it('shows drift in either direction', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template(all));
    const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta`;
    fake.change(account, (body) =>
      withValue(withValue(body, 'properties.allowSharedKeyAccess', true), 'tags', { 'warpforge-env': 'test', extra: 'x' }),
    );
    fake.change(`${GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg`, (body) =>
      withValue(body, 'properties.securityRules', [
        ...listAt(body, 'properties.securityRules'),
        {
          name: 'open',
          properties: {
            priority: 200,
            direction: 'Inbound',
            access: 'Allow',
            protocol: '*',
            sourceAddressPrefix: '*',
            destinationAddressPrefix: '*',
          },
        },
      ]),
    );
    fake.remove(`${account}/blobServices/default/containers/data`);
    const changes = new Map(summary(await whatIf(fake, template(all))).map(([name, ...rest]) => [name, rest]));
    expect(changes.get('accounta')).toEqual(['Modify', ['Delete tags.extra', 'Modify properties.allowSharedKeyAccess']]);
    expect(changes.get('nsg')).toEqual(['Modify', ['Delete properties.securityRules.1']]);
    expect(changes.get('data')).toEqual(['Create', []]);
  });

  it('says that what only the service sets has no effect', async () => {
    const fake = fakeWithGroup();
    const [account] = storage('accounta');
    await deploy(fake, template([account!]));
    const wanted = withValue(account!, 'properties.creationTime', '2020-01-01');
    expect(summary(await whatIf(fake, template([wanted])))).toEqual([['accounta', 'NoEffect', ['NoEffect properties.creationTime']]]);
  });

  it('leaves an expression that needs the state of a resource as text', async () => {
    const result = await whatIf(
      fakeWithGroup(),
      template([network[2]!, { ...network[3]!, dependsOn: [], tags: { a: "[reference('ip').ipAddress]" } }]),
    );
    expect(at(result, 'properties.changes.1.after.tags')).toEqual({ a: "[reference('ip').ipAddress]" });
  });

  it('gives only ids when asked to', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template([network[2]!]));
    const result = await whatIf(fake, template([network[0]!, network[2]!]), { whatIfSettings: { resultFormat: 'ResourceIdOnly' } });
    expect(
      listAt(result, 'properties.changes').map((change) => [stringAt(change, 'changeType'), at(change, 'after'), at(change, 'delta')]),
    ).toEqual([
      ['Create', undefined, undefined],
      ['Deploy', undefined, undefined],
    ]);
  });

  it('fails with what is wrong in the template', async () => {
    const result = await whatIf(fakeWithGroup(), template([{ ...network[0]!, dependsOn: ['nothing'] }]));
    expect(result).toMatchObject({ status: 'Failed', error: { code: 'InvalidTemplate' } });
  });

  it('by the real client leaves out nested deployments that need the state of a resource, at the scope of the subscription', async () => {
    const fake = fakeAzure();
    const { deployments } = clients(fake);
    const body = { location: 'eastus', properties: { mode: 'Incremental' as const, template: environment() } };
    const before = await deployments.deployments.whatIfAtSubscriptionScope('main', body, FAST);
    expect(before.changes?.map(({ changeType, resourceId }) => `${changeType} ${resourceId!.split('/').at(-1)!}`)).toEqual([
      'Create rg',
      ...['nsg', 'vnet', 'ip', 'nic', 'vm', 'accounta', 'data'].map((name) => `Create ${name}`),
    ]);
    expect(before.diagnostics).toMatchObject([
      { code: 'NestedDeploymentShortCircuited', target: `${GROUP}/providers/Microsoft.Resources/deployments/roles` },
    ]);
    await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    const after = await deployments.deployments.whatIfAtSubscriptionScope('main', body, FAST);
    expect(after.changes?.filter(({ changeType }) => changeType === 'Create')).toEqual([]);
    expect(after.changes?.[0]).toMatchObject({ changeType: 'NoChange', resourceId: `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg` });
  });

  it('shows exactly the property that a template changes', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template(all));
    const choice = fc
      .integer({ min: 0, max: all.length - 1 })
      .chain((index) => fc.constantFrom(...leaves(all[index]!)).map((path) => ({ index, path })));
    await fc.assert(
      fc.asyncProperty(choice, fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.nat(), fc.boolean()), async ({ index, path }, value) => {
        const original = all[index]!;
        fc.pre(value !== at(original, path));
        const changed = all.map((resource, other) =>
          other === index ? (replaced(original, path.split('.'), value) as JsonObject) : resource,
        );
        const name = stringAt(original, 'name')!.split('/').at(-1)!;
        const seen = summary(await whatIf(fake, template(changed))).find(([found]) => found === name)!;
        const ofList = /\.\d+$/.test(path);
        const wanted = ofList ? [`Create ${path}`, `Delete ${path}`] : path === 'properties.osProfile.customData' ? [] : [`Modify ${path}`];
        expect((seen[2] as string[]).toSorted()).toEqual([...wanted, ...(NOISE[name] ?? [])].toSorted());
      }),
      { numRuns: 60 },
    );
  });
});

/** Paths of all values of a template's resource that aren't part of its identity. */
function leaves(value: Json, path = ''): readonly string[] {
  const skipped = ['type', 'apiVersion', 'name', 'dependsOn'];
  if (isList(value)) return value.flatMap((item, index) => leaves(item, `${path}.${index}`));
  if (!isObject(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    skipped.includes(name) ? [] : leaves(inner ?? null, path === '' ? name : `${path}.${name}`),
  );
}

function replaced(value: Json, [step, ...rest]: readonly string[], by: Json): Json {
  if (step === undefined) return by;
  if (isList(value)) return value.map((item, index) => (index === Number(step) ? replaced(item, rest, by) : item));
  return isObject(value) ? { ...value, [step]: replaced(value[step] ?? null, rest, by) } : by;
}

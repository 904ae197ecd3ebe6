import { describe, expect, it } from 'vitest';
import { at, type JsonObject, stringAt } from '../../src/testing/arm/json.ts';
import { deploy, fakeWithGroup, GROUP, send, idsInGroup } from './fake-requests.ts';
import { machine, network, storage, template } from './environment-template.ts';

const address = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Microsoft.Network/publicIPAddresses',
  apiVersion: '2024-05-01',
  name,
  location: 'eastus',
  properties: {},
  ...more,
});

async function refusal(body: JsonObject, parameters: JsonObject = {}) {
  const response = await deploy(fakeWithGroup(), body, { parameters });
  return { status: response.status, code: at(response.json, 'error.code'), message: stringAt(response.json, 'error.message') };
}

describe('a template that is wrong is refused before anything is deployed', () => {
  it.each<[string, JsonObject, string]>([
    ['an unknown section', template([], { resource: [] }), "Could not find member 'resource'"],
    ['no schema', { contentVersion: '1.0.0.0', resources: [] }, "required property '$schema' is missing"],
    ['symbolic names', template([], { resources: {} }), 'symbolic names are not supported'],
    ['functions of its own', template([], { functions: { a: {} } }), "'functions' are not supported"],
    ['a loop', template([address('a', { copy: { name: 'x', count: 2 } })]), "'copy' loops are not supported"],
    [
      'no name',
      template([{ type: 'Microsoft.Network/publicIPAddresses', apiVersion: '2024-05-01' }]),
      "required property 'name' is missing",
    ],
    ['an unknown function', template([address("[nosuch('a')]")]), "The template function 'nosuch' is not valid"],
    [
      'reference() in a name',
      template([address("[reference('b').id]")]),
      "'[reference('b').id]' is not valid: The template function 'reference' is not expected at this location",
    ],
    [
      'reference() in a version',
      template([address('a', { apiVersion: "[reference('b').v]" })]),
      "The template function 'reference' is not expected",
    ],
    [
      'reference() in a type',
      template([address('a', { type: "[reference('b').v]" })]),
      "The template function 'reference' is not expected",
    ],
    [
      'reference() in a condition',
      template([address('a', { condition: "[equals(reference('b').v, 1)]" })]),
      "The template function 'reference' is not expected",
    ],
    [
      'reference() in a dependency',
      template([address('a', { dependsOn: ["[reference('b').id]"] })]),
      "The template function 'reference' is not expected",
    ],
    [
      'reference() in a variable',
      template([address("[variables('v')]")], { variables: { v: "[reference('b').id]" } }),
      "The template function 'reference' is not expected",
    ],
    ['a dependency that is not there', template([address('a', { dependsOn: ['b'] })]), "The resource 'b' is not defined in the template"],
    [
      'a circle',
      template([address('a', { dependsOn: ['b'] }), address('b', { dependsOn: ['a'] })]),
      'Circular dependency detected on resource',
    ],
    ['a resource twice', template([address('a'), address("[toUpper('a')]")]), 'is defined multiple times in a template'],
    ['too many parts in a name', template([address('a/b')]), 'incorrect segment lengths'],
    [
      'a nested deployment without template',
      template([{ type: 'Microsoft.Resources/deployments', apiVersion: '2022-09-01', name: 'n', properties: {} }]),
      "has no 'template'",
    ],
    [
      'parameters of an outer nested template',
      template([
        {
          type: 'Microsoft.Resources/deployments',
          apiVersion: '2022-09-01',
          name: 'n',
          properties: { mode: 'Incremental', template: template([]), parameters: { a: { value: 1 } } },
        },
      ]),
      "'expressionEvaluationOptions' to 'inner'",
    ],
    [
      'a group inside a group',
      template([{ type: 'Microsoft.Resources/resourceGroups', apiVersion: '2024-03-01', name: 'x', location: 'eastus' }]),
      "can't be deployed to a resource group",
    ],
  ])('%s', async (_what, body, message) => {
    expect(await refusal(body)).toEqual({ status: 400, code: 'InvalidTemplate', message: expect.stringContaining(message) as string });
  });

  const declared = (parameters: JsonObject): JsonObject => template([], { parameters });
  it.each<[string, JsonObject, JsonObject, string]>([
    ['missing', { a: { type: 'string' } }, {}, "The value for the template parameter 'a' is not provided"],
    [
      'unknown',
      { a: { type: 'string', defaultValue: '' } },
      { b: { value: 1 } },
      "The template parameters 'b' in the parameters file are not valid",
    ],
    ['of another type', { a: { type: 'int' } }, { a: { value: '1' } }, "Expected 'int'. Actual 'string'"],
    [
      'not allowed',
      { a: { type: 'string', allowedValues: ['x'] } },
      { a: { value: 'y' } },
      "The value 'y' is not part of the allowed value(s): 'x'",
    ],
    ['too long', { a: { type: 'string', maxLength: 2 } }, { a: { value: 'abc' } }, "its 'maxLength' is 2"],
    ['too small', { a: { type: 'int', minValue: 2 } }, { a: { value: 1 } }, "its 'minValue' is 2"],
    ['from a vault', { a: { type: 'secureString' } }, { a: { reference: {} } }, 'references to vaults are not supported'],
    ['without a type', { a: {} }, {}, "The template parameter 'a' has no type"],
  ])('a parameter that is %s', async (_what, parameters, given, message) => {
    expect(await refusal(declared(parameters), given)).toEqual({
      status: 400,
      code: 'InvalidTemplate',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each<[string, JsonObject, number, string]>([
    ['an unknown namespace', address('a', { type: 'Microsoft.Nothing/things' }), 404, 'InvalidResourceNamespace'],
    ['an unknown type', address('a', { type: 'Microsoft.Network/things' }), 404, 'InvalidResourceType'],
    ['an unknown version', address('a', { apiVersion: '2001-01-01' }), 400, 'NoRegisteredProviderFound'],
  ])('%s', async (_what, resource, status, code) => {
    expect(await refusal(template([resource]))).toMatchObject({ status, code });
  });

  it('complete mode, a linked template and a wrong name are refused, too', async () => {
    const fake = fakeWithGroup();
    const put = async (name: string, properties: JsonObject) => {
      const { status, json } = await send(
        fake,
        'PUT',
        `${GROUP}/providers/Microsoft.Resources/deployments/${name}?api-version=2022-09-01`,
        { body: { properties } },
      );
      return [status, at(json, 'error.code')];
    };
    expect(await put('main', { mode: 'Complete', template: template([]) })).toEqual([400, 'InvalidTemplate']);
    expect(await put('main', { mode: 'Incremental', templateLink: { uri: 'https://example.com' } })).toEqual([
      400,
      'InvalidRequestContent',
    ]);
    expect(await put('a'.repeat(65), { mode: 'Incremental', template: template([]) })).toEqual([400, 'InvalidDeploymentName']);
  });
});

describe('preflight', () => {
  const change = (path: string[], value: unknown): JsonObject => {
    const copy = structuredClone(machine) as Record<string, unknown>;
    let inner = copy;
    for (const step of path.slice(0, -1)) inner = inner[step] as Record<string, unknown>;
    inner[path.at(-1)!] = value;
    return copy as JsonObject;
  };
  it.each<[string, JsonObject, string]>([
    ['a size that the region lacks', change(['properties', 'hardwareProfile', 'vmSize'], 'Standard_L8s_v3'), 'SkuNotAvailable'],
    ['a size that there is not', change(['properties', 'hardwareProfile', 'vmSize'], 'Standard_Nothing'), 'InvalidParameter'],
    ['more cores than the quota', change(['properties', 'hardwareProfile', 'vmSize'], 'Standard_D16s_v5'), 'QuotaExceeded'],
    ['more Spot cores than the quota', change(['properties', 'priority'], 'Spot'), 'QuotaExceeded'],
    ['an image that there is not', change(['properties', 'storageProfile', 'imageReference', 'sku'], 'nothing'), 'PlatformImageNotFound'],
    ['a reserved user', change(['properties', 'osProfile', 'adminUsername'], 'root'), 'InvalidParameter'],
    [
      'an SSH key that is none',
      change(
        ['properties', 'osProfile', 'linuxConfiguration', 'ssh', 'publicKeys'],
        [{ keyData: 'x', path: '/home/azureuser/.ssh/authorized_keys' }],
      ),
      'InvalidParameter',
    ],
    ['cloud-init that is not base64', change(['properties', 'osProfile', 'customData'], 'not base64!'), 'InvalidParameter'],
    ['a region that there is not', change(['location'], 'mars'), 'LocationNotAvailableForResourceType'],
    ['an account name that somebody has', storage('taken')[0]!, 'StorageAccountAlreadyTaken'],
    ['an account name with capitals', { ...storage('a')[0]!, name: 'UPPER' }, 'AccountNameInvalid'],
    [
      'an assignment that is not named by a GUID',
      { type: 'Microsoft.Authorization/roleAssignments', apiVersion: '2022-04-01', name: 'x', properties: {} },
      'InvalidRoleAssignmentId',
    ],
  ])('finds %s, in validate and in the deployment itself', async (_what, resource, code) => {
    const fake = fakeWithGroup({
      takenAccountNames: ['taken'],
      quota: { standardDSv5Family: 8, lowPriorityCores: 2 },
      regions: [{ name: 'eastus', displayName: 'East US', withoutSkus: ['Standard_L8s_v3'] }],
    });
    const body = template([{ ...resource, dependsOn: [] }]);
    const expected = { code: 'InvalidTemplateDeployment', details: [expect.objectContaining({ code }) as unknown] };
    const validated = await send(fake, 'POST', `${GROUP}/providers/Microsoft.Resources/deployments/main/validate?api-version=2022-09-01`, {
      body: { properties: { mode: 'Incremental', template: body } },
    });
    expect([validated.status, at(validated.json, 'error')]).toMatchObject([400, expected]);
    const deployed = await deploy(fake, body);
    expect([deployed.status, at(deployed.json, 'error')]).toMatchObject([400, expected]);
    expect(idsInGroup(fake)).toEqual([]);
  });

  it('accepts what is right, and says what it would deploy', async () => {
    const response = await send(
      fakeWithGroup(),
      'POST',
      `${GROUP}/providers/Microsoft.Resources/deployments/main/validate?api-version=2022-09-01`,
      {
        body: { properties: { mode: 'Incremental', template: template([...network, machine]) } },
      },
    );
    expect(response.status).toBe(200);
    expect(at(response.json, 'properties.validatedResources')).toHaveLength(5);
  });

  it('finds a group that is neither there nor in the template', async () => {
    const nested = {
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name: 'n',
      resourceGroup: 'other',
      properties: { mode: 'Incremental', template: template([address('a')]) },
    };
    expect(await refusal(template([nested]))).toMatchObject({ status: 404, code: 'ResourceGroupNotFound' });
  });
});

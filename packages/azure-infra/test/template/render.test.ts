import { describe, expect, it } from 'vitest';
import {
  armGuid,
  Expression,
  renderTemplate,
  ResourceGraph,
  resourceIdExpression,
  trainingEnvironment,
  type JsonObject,
  type Resource,
} from '../../src/index.ts';
import { FACTS, settings, SUBSCRIPTION } from '../graph/environment-under-test.ts';

interface Rendered extends JsonObject {
  readonly resources: (JsonObject & {
    readonly type: string;
    readonly name: string;
    readonly properties: JsonObject;
    readonly dependsOn?: string[];
  })[];
}

function inner(template: JsonObject): Rendered {
  const nested = (template as Rendered).resources.find(({ type }) => type === 'Microsoft.Resources/deployments');
  return nested?.properties['template'] as Rendered;
}

const GRAPH = trainingEnvironment(settings(), FACTS);
const PRINCIPAL = 'bbbbbbbb-0000-4000-8000-000000000002';

describe('the name of a role assignment', () => {
  it("is ARM's guid(), as the test vector of its name space has it", () => {
    expect(armGuid('a', 'b', 'c')).toBe('a98fa280-e03f-5afa-8d8e-92d0a9c201e8');
  });
});

describe('a template', () => {
  it('makes the group, and in it one deployment of everything else', () => {
    const template = renderTemplate(GRAPH, new Map()) as Rendered;
    expect(template.resources.map(({ type }) => type)).toEqual(['Microsoft.Resources/resourceGroups', 'Microsoft.Resources/deployments']);
    expect(template.resources[1]?.dependsOn).toEqual([
      "[subscriptionResourceId('Microsoft.Resources/resourceGroups', 'warpdrive-forge-rg')]",
    ]);
  });

  it('leaves a group alone that is not the environment’s', () => {
    const template = renderTemplate(trainingEnvironment(settings(), { ...FACTS, ownsGroup: false }), new Map()) as Rendered;
    expect(template.resources.map(({ type }) => type)).toEqual(['Microsoft.Resources/deployments']);
    expect(template.resources[0]?.dependsOn).toBeUndefined();
  });

  it('puts rights of an identity that does not exist into a deployment that takes the principal as a parameter', () => {
    const nested = inner(renderTemplate(GRAPH, new Map())).resources.find(({ type }) => type === 'Microsoft.Resources/deployments');
    expect(nested?.properties['parameters']).toEqual({
      principalId: {
        value:
          "[reference(resourceId('Microsoft.Compute/virtualMachines', 'warpdrive-forge-vm'), '2024-07-01', 'Full').identity.principalId]",
      },
    });
    expect(nested?.properties['expressionEvaluationOptions']).toEqual({ scope: 'inner' });
    const rights = (nested?.properties['template'] as Rendered).resources;
    expect(rights).toHaveLength(2);
    for (const { name } of rights) {
      expect(name).toMatch(/^\[guid\('\/subscriptions\/.*\/containers\/coco2017-wds', parameters\('principalId'\), '.*2a2b9908-.*'\)\]$/);
      expect(name).not.toContain('reference(');
    }
  });

  it('renders the same rights literally once the identity exists, under the names that the expression gives', () => {
    const { resources } = inner(renderTemplate(GRAPH, new Map([['vm', PRINCIPAL]])));
    expect(resources.some(({ type }) => type === 'Microsoft.Resources/deployments')).toBe(false);
    const rights = resources.filter(
      ({ type, properties }) => type === 'Microsoft.Authorization/roleAssignments' && properties['principalId'] === PRINCIPAL,
    );
    expect(rights.map(({ name }) => name)).toEqual(
      ['container-a', 'container-b'].map((key) =>
        armGuid(
          GRAPH.idOf(key),
          PRINCIPAL,
          `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1`,
        ),
      ),
    );
  });

  it('is the same for the same settings, names included', () => {
    expect(renderTemplate(trainingEnvironment(settings(), FACTS), new Map())).toEqual(renderTemplate(GRAPH, new Map()));
  });

  it('tells literals that look like expressions from expressions', () => {
    const resource: Resource = {
      key: 'a',
      type: 'Microsoft.Test/things/parts',
      apiVersion: '2024-01-01',
      name: "thing/it's",
      properties: {
        literal: '[not an expression]',
        list: ['[neither]', new Expression("concat('a', 'b')")],
        id: resourceIdExpression('Microsoft.Test/things/parts', "thing/it's"),
      },
      dependsOn: [],
    };
    const graph = new ResourceGraph({
      environment: 'e',
      subscriptionId: 's',
      group: { name: 'g', location: 'eastus', managed: true },
      resources: [resource],
      roleAssignments: [],
    });
    expect(inner(renderTemplate(graph, new Map())).resources[0]?.properties).toEqual({
      literal: '[[not an expression]',
      list: ['[[neither]', "[concat('a', 'b')]"],
      id: "[resourceId('Microsoft.Test/things/parts', 'thing', 'it''s')]",
    });
  });
});

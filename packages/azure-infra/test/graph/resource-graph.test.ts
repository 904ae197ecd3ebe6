import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InfraError, ResourceGraph, type Resource } from '../../src/index.ts';

function resource(key: string, dependsOn: readonly string[] = [], more: Partial<Resource> = {}): Resource {
  return { key, type: 'Microsoft.Test/things', apiVersion: '2024-01-01', name: key, properties: {}, dependsOn, ...more };
}

function graph(resources: readonly Resource[]): ResourceGraph {
  return new ResourceGraph({
    environment: 'mine',
    subscriptionId: 's',
    group: { name: 'g', location: 'eastus', managed: true },
    tags: { owner: 'me' },
    resources,
    roleAssignments: [],
  });
}

function codeOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof InfraError) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a resource graph', () => {
  it('puts each resource after those that it depends on, whatever the given order', () => {
    // A random order of nodes, each depending on some that come before it in that order, is every acyclic graph.
    const acyclic = fc
      .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
      .map((rows) =>
        rows.map((picks, index) => resource(`r${index}`, [...new Set(picks.map((pick) => `r${pick % (index || 1)}`))].slice(0, index))),
      );
    fc.assert(
      fc.property(
        acyclic.chain((nodes) => fc.shuffledSubarray(nodes, { minLength: nodes.length })),
        (nodes) => {
          const order = graph(nodes).resources.map(({ key }) => key);
          expect([...order].sort()).toEqual(nodes.map(({ key }) => key).sort());
          for (const { key, dependsOn } of nodes)
            for (const before of dependsOn) expect(order.indexOf(before)).toBeLessThan(order.indexOf(key));
        },
      ),
    );
  });

  it('refuses keys that are used twice, that are missing, and circles', () => {
    expect(codeOf(() => graph([resource('a'), resource('a')]))).toBe('INFRA_GRAPH_INVALID: two resources have the key "a"');
    expect(codeOf(() => graph([resource('a', ['b'])]))).toBe('INFRA_GRAPH_INVALID: a refers to "b", which is not in the graph');
    expect(codeOf(() => graph([resource('a', ['b']), resource('b', ['a'])]))).toMatch(/^INFRA_GRAPH_INVALID: "[ab]" depends on itself$/);
  });

  it('tags what can have tags, and nothing else', () => {
    const [tagged, untagged] = graph([resource('a', [], { tags: { mine: 'too' } }), resource('b')]).resources;
    expect(tagged?.tags).toEqual({ 'warpforge-env': 'mine', 'managed-by': 'warpforge', owner: 'me', mine: 'too' });
    expect(untagged?.tags).toBeUndefined();
  });

  it('keeps a hash of what the service never returns, which follows the value and nothing else', () => {
    const tagOf = (properties: Resource['properties']): string | undefined =>
      graph([resource('a', [], { tags: {}, properties, writeOnly: ['properties.secret.text'] })]).resources[0]?.tags?.[
        'warpforge-write-only'
      ];
    expect(tagOf({ secret: { text: 'one' } })).toMatch(/^[0-9a-f]{32}$/);
    expect(tagOf({ secret: { text: 'one' }, size: 1 })).toBe(tagOf({ secret: { text: 'one' }, size: 2 }));
    expect(tagOf({ secret: { text: 'one' } })).not.toBe(tagOf({ secret: { text: 'two' } }));
    expect(codeOf(() => graph([resource('a', [], { tags: {}, writeOnly: ['location'] })]))).toContain('must begin with "properties."');
  });
});

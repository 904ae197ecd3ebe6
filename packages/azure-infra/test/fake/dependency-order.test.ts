import fc from 'fast-check';
import { expect, it } from 'vitest';
import { listAt, stringAt, type JsonObject } from '../../src/testing/arm/json.ts';
import { deploy, fakeWithGroup, GROUP, send } from './fake-requests.ts';
import { template } from './environment-template.ts';

/** A resource of a random template: which earlier ones it waits for, what it is, and what becomes of it. */
interface Node {
  readonly after: readonly number[];
  readonly kind: 'address' | 'account';
  readonly fate: 'fine' | 'fails' | 'unwanted';
}

/** Seconds that the fake takes for each kind, and before the first. */
const SECONDS = { address: 10, account: 20 };
const START = 2;

const graphs: fc.Arbitrary<readonly Node[]> = fc.integer({ min: 1, max: 8 }).chain((count) =>
  fc.tuple(
    ...Array.from({ length: count }, (_, index) =>
      fc.record<Node>({
        after: index === 0 ? fc.constant([]) : fc.uniqueArray(fc.integer({ min: 0, max: index - 1 }), { maxLength: 3 }),
        kind: fc.constantFrom('address', 'account'),
        fate: fc.oneof(
          { weight: 5, arbitrary: fc.constant('fine' as const) },
          { weight: 1, arbitrary: fc.constantFrom('fails' as const, 'unwanted' as const) },
        ),
      }),
    ),
  ),
);

const TYPES = { address: 'Microsoft.Network/publicIPAddresses', account: 'Microsoft.Storage/storageAccounts' };

/** @param style - which of the ways of naming a dependency is used for which. */
function resourceOf(nodes: readonly Node[], index: number, style: number): JsonObject {
  const node = nodes[index]!;
  const dependsOn = node.after.map((other) => {
    const type = TYPES[nodes[other]!.kind];
    return [`[resourceId('${type}', 'node${other}')]`, `node${other}`, `[concat('${type}', '/node', ${other})]`][(style + other) % 3]!;
  });
  const own: JsonObject =
    node.kind === 'address'
      ? { apiVersion: '2024-05-01', properties: {} }
      : { apiVersion: '2024-01-01', kind: 'StorageV2', sku: { name: 'Standard_LRS' } };
  const condition: JsonObject = node.fate === 'unwanted' ? { condition: '[equals(1, 2)]' } : {};
  return { ...own, ...condition, type: TYPES[node.kind], name: `node${index}`, location: 'eastus', dependsOn };
}

/** When each resource is finished, in seconds; undefined for those that are never begun. The model: by recursion, one after the other. */
function model(nodes: readonly Node[]): readonly (number | undefined)[] {
  const finished: (number | undefined)[] = [];
  for (const node of nodes) {
    const before = node.after.filter((other) => nodes[other]!.fate !== 'unwanted');
    const blocked = before.some((other) => finished[other] === undefined || nodes[other]!.fate === 'fails');
    const start = Math.max(START, ...before.map((other) => finished[other] ?? 0));
    finished.push(node.fate === 'unwanted' || blocked ? undefined : start + SECONDS[node.kind]);
  }
  return finished;
}

it('begins each resource when those that it depends on are finished, and leaves out what depends on one that failed', async () => {
  await fc.assert(
    fc.asyncProperty(graphs, fc.nat(2), fc.func(fc.nat(1000)), async (nodes, style, shuffle) => {
      const fake = fakeWithGroup({ pollSeconds: 1 });
      const started = fake.clock.now();
      for (const [index, node] of nodes.entries()) {
        if (node.fate === 'fails') fake.faults.failResource({ name: `node${index}` }, { code: 'Broken', message: 'it broke' });
      }
      const resources = nodes.map((_, index) => resourceOf(nodes, index, style));
      const order = resources.toSorted((a, b) => shuffle(stringAt(a, 'name')!) - shuffle(stringAt(b, 'name')!));
      const done = await deploy(fake, template(order));
      const operations = await send(
        fake,
        'GET',
        `${GROUP}/providers/Microsoft.Resources/deployments/main/operations?api-version=2022-09-01`,
      );
      const seen = new Map(
        listAt(operations.json, 'value').map((operation) => [
          stringAt(operation, 'properties.targetResource.resourceName'),
          [
            stringAt(operation, 'properties.provisioningState'),
            (Date.parse(stringAt(operation, 'properties.timestamp')!) - started) / 1000,
          ],
        ]),
      );
      seen.delete(undefined);
      const expected = model(nodes).flatMap((at, index) =>
        at === undefined ? [] : [[`node${index}`, [nodes[index]!.fate === 'fails' ? 'Failed' : 'Succeeded', at]] as const],
      );
      expect(seen).toEqual(new Map(expected));
      const failed = expected.some(([, [state]]) => state === 'Failed');
      expect(stringAt(done.json, 'properties.provisioningState')).toBe(failed ? 'Failed' : 'Succeeded');
    }),
    { numRuns: 150 },
  );
});

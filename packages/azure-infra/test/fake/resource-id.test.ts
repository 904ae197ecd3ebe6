import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatResourceId, isWithin, parentOf, parseResourceId } from '../../src/testing/arm/resource-id.ts';

const word = fc
  .stringMatching(/^[A-Za-z0-9][\w.-]{0,10}$/)
  .filter((text) => !['providers', 'subscriptions', 'resourcegroups'].includes(text.toLowerCase()));
const container = fc.oneof(
  word.map((subscription) => `/subscriptions/${subscription}`),
  fc.tuple(word, word).map(([subscription, group]) => `/subscriptions/${subscription}/resourceGroups/${group}`),
);
const path = fc.record({ namespace: word, levels: fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 3 }) });

describe('ids of resources', () => {
  it('are read back as they were put together, also those of what extends a resource', () => {
    fc.assert(
      fc.property(container, path, path, (scope, outer, inner) => {
        const make = (around: string, { namespace, levels }: typeof outer) =>
          formatResourceId(
            around,
            [namespace, ...levels.map(([type]) => type)].join('/'),
            levels.map(([, name]) => name),
          );
        const resource = make(scope, outer);
        const extension = make(resource, inner);
        const parsed = parseResourceId(extension);
        expect(parsed).toMatchObject({ id: extension, scope: resource, names: inner.levels.map(([, name]) => name) });
        expect(formatResourceId(parsed!.scope, parsed!.type, parsed!.names)).toBe(extension);
        expect(parseResourceId(resource)?.scope).toBe(scope);
        expect([
          isWithin(extension, resource),
          isWithin(extension.toUpperCase(), scope),
          isWithin(resource, extension),
          isWithin(`${resource}x`, resource),
        ]).toEqual([true, true, false, false]);
        expect(parentOf(parseResourceId(resource)!) === undefined).toBe(outer.levels.length === 1);
      }),
    );
  });

  it('are not what is only a part of one', () => {
    for (const text of ['', '/', '/subscriptions', '/subscriptions/s/resourceGroups', '/subscriptions/s/providers/N.S/type', 'nothing']) {
      expect(parseResourceId(text)).toBeUndefined();
    }
  });
});

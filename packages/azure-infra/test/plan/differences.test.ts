import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PropertyChange } from '../../src/index.ts';
import { isCreateOnly, realDifferences } from '../../src/plan/differences.ts';
import { trainingEnvironment } from '../../src/index.ts';
import { FACTS, settings } from '../graph/environment-under-test.ts';

const GRAPH = trainingEnvironment(settings(), FACTS);
const VM = GRAPH.resource('vm');
const ACCOUNT = GRAPH.resource('storage-a');
const FIREWALL = GRAPH.resource('security-group');

function modify(path: string, before: unknown, after: unknown): PropertyChange {
  return { path, propertyChangeType: 'Modify', before, after };
}

function gone(path: string, before: unknown): PropertyChange {
  return { path, propertyChangeType: 'Delete', before };
}

describe('the differences of what-if', () => {
  it('leave out what the service has set by itself, and keep what the template states', () => {
    const changes = [
      gone('properties.encryption', { keySource: 'Microsoft.Storage' }),
      gone('properties.networkAcls.bypass', 'AzureServices'),
    ];
    expect(realDifferences(ACCOUNT, changes)).toEqual([]);
    expect(realDifferences(ACCOUNT, [modify('properties.minimumTlsVersion', 'TLS1_0', 'TLS1_2')])).toEqual([
      { path: 'properties.minimumTlsVersion', before: 'TLS1_0', after: 'TLS1_2' },
    ]);
  });

  it('keep tags that somebody has added, since a deployment takes them away', () => {
    expect(realDifferences(ACCOUNT, [gone('tags.cost.center', '42')])).toEqual([
      { path: 'tags.cost.center', before: '42', after: undefined },
    ]);
  });

  it('keep items of lists that are added or taken away, and leave out defaults inside of them', () => {
    const rules: PropertyChange = {
      path: 'properties.securityRules',
      propertyChangeType: 'Array',
      children: [
        { path: '0', propertyChangeType: 'Modify', children: [gone('properties.sourcePortRanges', []), gone('id', '/subscriptions/x')] },
        gone('1', { name: 'open' }),
      ],
    };
    expect(realDifferences(FIREWALL, [rules])).toEqual([
      { path: 'properties.securityRules.1', before: { name: 'open' }, after: undefined },
    ]);
  });

  it('take ids that differ in case for the same', () => {
    expect(
      realDifferences(FIREWALL, [modify('properties.x', '/subscriptions/A/resourceGroups/B', '/subscriptions/a/resourcegroups/b')]),
    ).toEqual([]);
  });

  it('never show user data, which the service does not return, but its hash when that is another', () => {
    const added: PropertyChange = { path: 'properties.osProfile.customData', propertyChangeType: 'Create', after: 'I2Nsb3VkLWNvbmZpZw==' };
    expect(realDifferences(VM, [added])).toEqual([]);
    const [difference, ...others] = realDifferences(VM, [
      added,
      modify('tags.warpforge-write-only', '0123456789abcdef', 'fedcba9876543210'),
    ]);
    expect(others).toEqual([]);
    expect(difference).toEqual({ path: 'properties.osProfile.customData', before: '(hash 01234567)', after: '(hash fedcba98)' });
    expect(difference !== undefined && isCreateOnly(VM, difference)).toBe(true);
  });

  it('tell what can only be made anew from what can be changed', () => {
    const createOnly = (path: string): boolean => isCreateOnly(VM, { path, before: 1, after: 2 });
    expect(createOnly('properties.hardwareProfile.vmSize')).toBe(false);
    expect(createOnly('properties.osProfile.adminUsername')).toBe(true);
    expect(createOnly('properties.osProfile.linuxConfiguration.ssh.publicKeys.0.keyData')).toBe(true);
    expect(createOnly('properties.storageProfile.imageReference.sku')).toBe(true);
    expect(createOnly('properties.osProfile.adminUsernameOfAnother')).toBe(false);
  });

  it('show a changed value at any depth under its whole path', () => {
    const path = fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(path, fc.nat(4), (segments, cut) => {
        // Azure nests as it likes; the path is the same however it is cut.
        const at = Math.min(cut, segments.length - 1);
        const leaf = modify(segments.slice(at).join('.'), 1, 2);
        const changes =
          at === 0 ? [leaf] : [{ path: segments.slice(0, at).join('.'), propertyChangeType: 'Modify' as const, children: [leaf] }];
        expect(realDifferences(ACCOUNT, changes)).toEqual([{ path: segments.join('.'), before: 1, after: 2 }]);
      }),
    );
  });
});

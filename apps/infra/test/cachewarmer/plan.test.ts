import {
  cacheWarmerEnvironment,
  estimateCost,
  planFromNothing,
  resolveSettings,
  type CacheWarmerStorageNames,
} from '@warpforge/azure-infra';
import { storageNames } from '@warpforge/cache-warmer';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addCacheWarmerProvision } from '../../src/commands/cachewarmer/provision.ts';
import { addCacheWarmerTeardown } from '../../src/commands/cachewarmer/teardown.ts';
import { resolveContext } from '../../src/command-context.ts';
import { formatEstimate } from '../../src/cost-text.ts';
import { planText } from '../../src/plan-text.ts';
import { offlinePrices } from '../../src/prices.ts';

describe('the plan of a CacheWarmer', () => {
  it.each([
    ['cachewarmer-plan', {}],
    ['cachewarmer-plan-filer', { CACHEWARMER_FILER: 'true', CACHEWARMER_NAT_GATEWAY: 'false' }],
  ])('is %s from nothing', async (name, environment) => {
    const { settings } = resolveSettings({ flags: {}, environment });
    const names: CacheWarmerStorageNames = storageNames(settings.cacheWarmer.prefix);
    const graph = cacheWarmerEnvironment(settings, {
      subscriptionId: '11111111-2222-3333-4444-555555555555',
      caller: { objectId: 'aaaaaaaa-0000-4000-8000-000000000001', type: 'User' },
      sshPublicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test',
      sshSources: ['203.0.113.7/32'],
      ownsGroup: true,
      version: '0.1.0',
      storageNames: names,
    });
    const cost = await estimateCost(graph.resources, await offlinePrices(), new AbortController().signal);
    await expect(`${planText(planFromNothing(graph))}\n${formatEstimate(cost)}`).toMatchFileSnapshot(`../golden/${name}.txt`);
  });
});

describe('the commands', () => {
  it('take proxies by scheme, and exceptions, although the name of that flag begins with a no', async () => {
    const group = new Command('cachewarmer').exitOverride();
    const resolved: unknown[] = [];
    addCacheWarmerProvision(group, async (command) => {
      const context = await resolveContext(command);
      resolved.push(context.settings.cacheWarmer.proxies);
      throw new Error('enough');
    });
    const run = (...args: string[]): Promise<unknown> => group.parseAsync(['provision', ...args], { from: 'user' });
    await expect(run('--https-proxy', 'http://a:1', '--no-proxy', '.example.com,10.0.0.4')).rejects.toThrow('enough');
    expect(resolved).toEqual([{ https: 'http://a:1', http: undefined, exceptions: ['.example.com', '10.0.0.4'] }]);
  });

  it('show their settings in groups, and those of the environment for training nowhere', () => {
    const group = new Command('cachewarmer');
    addCacheWarmerProvision(group, resolveContext);
    addCacheWarmerTeardown(group, resolveContext);
    const [provision, teardown] = group.commands.map((command) => command.helpInformation());
    for (const flag of ['--queue-prefix', '--max-workers', '--https-proxy', '--no-proxy', '--ssh-sources', '--plan', '--output-dir'])
      expect(provision).toContain(flag);
    expect(provision).not.toContain('--vm-size');
    expect(provision).not.toContain('--mount-point');
    expect(teardown).toContain('--dry-run');
  });
});

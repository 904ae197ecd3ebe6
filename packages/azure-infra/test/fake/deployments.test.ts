import { describe, expect, it } from 'vitest';
import { clients, FAST, fakeAzure } from './azure-clients.ts';
import { environment } from './environment-template.ts';

describe('a deployment at the scope of the subscription', () => {
  it('makes a group and what nested deployments put into it, and changes nothing the second time', async () => {
    const fake = fakeAzure();
    const { deployments } = clients(fake);
    const body = { location: 'eastus', properties: { mode: 'Incremental' as const, template: environment() } };
    const done = await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    expect(done.properties?.provisioningState).toBe('Succeeded');
    const preview = await deployments.deployments.whatIfAtSubscriptionScope('main', body, FAST);
  });
});

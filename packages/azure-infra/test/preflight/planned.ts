import type { InfraSettings } from '../../src/settings/infra-settings.ts';
import { resolveSettings } from '../../src/settings/resolve-settings.ts';

/** Settings of a small environment, with what a test changes. */
export function settings({
  size = 'Standard_D4s_v5',
  location = 'canadacentral',
  spot = false,
}: { size?: string; location?: string; spot?: boolean } = {}): InfraSettings {
  return {
    environment: 'demo',
    subscriptionId: undefined,
    resourceGroup: 'demo-rg',
    locations: { a: location, b: 'westus3' },
    storageAccounts: { a: 'demoa', b: 'demob' },
    container: 'shards',
    vm: { name: 'warpforge-vm', size, image: 'Canonical:ubuntu-24_04-lts:server:latest', adminUser: 'azureuser', spot },
    sshPublicKeyFile: undefined,
    sshSources: [],
    mount: { point: '/wd', cachePath: '/var/cache/warpdrive', cacheSize: '50GB' },
    dataset: { shards: 20, imagesPerShard: 100, imageSize: 224 },
    training: { steps: 2000, batchSize: 64, workers: 8 },
    cacheWarmer: resolveSettings({ flags: {}, environment: {} }).settings.cacheWarmer,
    tags: {},
  };
}

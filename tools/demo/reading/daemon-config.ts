import { stringify } from 'yaml';
import { REGIONS, type Region, type Storage } from '../steps/start-storage.ts';
import { CONTAINER } from '../steps/upload.ts';
import { BACKENDS } from './shard-reading.ts';

/** Environment variable that holds the account key of a region: the configuration names it, and never holds the key. */
export function keyVariable(region: Region): string {
  return `WARPFORGE_DEMO_KEY_${region.toUpperCase()}`;
}

/** The account keys as environment variables. */
export function keyEnvironment({ accounts }: Storage): Record<string, string> {
  return Object.fromEntries(REGIONS.map((region) => [keyVariable(region), accounts[region].key]));
}

/** The configuration of the deployment guide's step 4, with endpoints and keys of the local server in place of Azure and an identity. */
export function daemonConfig(storage: Storage, paths: { readonly mountPoint: string; readonly cache: string }): string {
  return stringify({
    mount_point: paths.mountPoint,
    cache: { path: paths.cache, max_size: '50GB', block_size: '4MB', readahead_blocks: 8, max_parallel_fetch: 32 },
    backends: BACKENDS.map(({ name, region }) => ({
      name,
      type: 'azureblob',
      mount_path: `/${name}`,
      config: { account: storage.accounts[region].name, container: CONTAINER, endpoint: storage.accounts[region].blobEndpoint },
      auth: { method: 'shared_key', account_key_env: keyVariable(region) },
    })),
    metrics: { addr: '127.0.0.1:0' },
  });
}

import { Document, isMap, isNode, isScalar } from 'yaml';
import type { EnvironmentOutputs, StorageOutputs } from './outputs.ts';
import { regionNames } from './regions.ts';
import type { InfraSettings } from './settings/infra-settings.ts';

/** How the daemon signs in to the accounts, which take no keys, and what the configuration says beside it. */
const AUTH_METHODS = {
  managed_identity: "Uses the VM's system-assigned identity",
  workload_identity: 'Uses the identity of the Kubernetes service account',
  azure_cli: 'Uses the account of "az login"',
  default: 'Uses the first that works: environment, identities, "az login"',
} as const;

/** A method of signing in that needs nothing but its name. */
export type DaemonAuthMethod = keyof typeof AUTH_METHODS;

/** All of them, the default first. */
export const DAEMON_AUTH_METHODS: readonly DaemonAuthMethod[] = ['managed_identity', 'workload_identity', 'azure_cli', 'default'];

/** What a configuration of the mount daemon is made from. */
export interface DaemonConfigOptions {
  readonly storage: EnvironmentOutputs['storage'];
  readonly mount: InfraSettings['mount'];
  /** Default: `managed_identity`. */
  readonly auth?: DaemonAuthMethod | undefined;
  /** Whether other users than the one who mounts may read. Default: true, since on the VM root mounts and somebody else trains. */
  readonly allowOther?: boolean | undefined;
}

/** The column in which the deployment guide has the comments beside the names of the backends. */
const COMMENT_COLUMN = 32;

/**
 * The configuration of the mount daemon, as YAML with comments: step 4 of the deployment guide. Backends are named for their regions, so
 * that paths say where the data is. The key `endpoint` is there only where the account is not at its usual place.
 */
export function daemonConfig({ storage, mount, auth = 'managed_identity', allowOther = true }: DaemonConfigOptions): string {
  const accounts = [storage.a, storage.b];
  const names = backendNames(storage);
  const document = new Document({
    mount_point: mount.point,
    allow_other: allowOther,
    cache: { path: mount.cachePath, max_size: mount.cacheSize, block_size: '4MB', readahead_blocks: 8, max_parallel_fetch: 32 },
    backends: accounts.map((account, index) => ({
      name: names[index],
      type: 'azureblob',
      mount_path: `/${names[index]}`,
      config: {
        account: account.account,
        container: account.container,
        ...(account.endpoint === `https://${account.account}.blob.core.windows.net` ? {} : { endpoint: account.endpoint }),
      },
      auth: { method: auth },
    })),
  });
  for (const [index, { location }] of accounts.entries()) comment(document, ['backends', index, 'name'], regionNames(location).name);
  comment(document, ['backends', 0, 'auth', 'method'], AUTH_METHODS[auth]);
  if (isMap(document.contents)) {
    for (const { key } of document.contents.items) {
      if (isScalar(key) && (key.value === 'cache' || key.value === 'backends')) key.spaceBefore = true;
    }
  }
  const second = document.getIn(['backends', 1], true);
  if (isNode(second)) second.spaceBefore = true;
  return document
    .toString({ lineWidth: 0 })
    .replace(/^( {2}- name: \S+) #/gm, (_line, name: string) => `${name.padEnd(COMMENT_COLUMN)}#`)
    .replace(/^( {6}method: \S+) #/gm, '$1   #');
}

/** `datasets-` and the code of the region; with a letter where both accounts are in one. */
function backendNames({ a, b }: { readonly a: StorageOutputs; readonly b: StorageOutputs }): readonly [string, string] {
  const [nameA, nameB] = [`datasets-${regionNames(a.location).code}`, `datasets-${regionNames(b.location).code}`];
  return nameA === nameB ? [`${nameA}-a`, `${nameB}-b`] : [nameA, nameB];
}

function comment(document: Document, path: readonly (string | number)[], text: string): void {
  const node = document.getIn(path, true);
  if (isScalar(node)) node.comment = ` ${text}`;
}

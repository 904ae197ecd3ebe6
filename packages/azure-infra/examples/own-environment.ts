/**
 * An environment of your own, with the same planner: a storage account in which a team keeps its checkpoints.
 *
 *   AZURE_SUBSCRIPTION_ID=… node own-environment.ts          shows what would be done
 *   AZURE_SUBSCRIPTION_ID=… node own-environment.ts --apply  does it
 *
 * Sign in with `az login` first. Nothing is kept beside Azure itself: run it again, and it does what has changed since.
 */
import {
  applyPlan,
  blobContainer,
  hasChanges,
  identifyCaller,
  managementScope,
  openCredential,
  openResourceManager,
  planChanges,
  ResourceGraph,
  storageAccount,
  storageAccountName,
  STORAGE_BLOB_DATA_CONTRIBUTOR,
} from '@warpforge/azure-infra';

const subscriptionId = process.env['AZURE_SUBSCRIPTION_ID'] ?? '';
// Only for Azure's other clouds.
const endpoint = process.env['AZURE_RESOURCE_MANAGER_ENDPOINT'] ?? 'https://management.azure.com';
const group = { name: 'checkpoints-rg', location: 'eastus', managed: true };
const { signal } = new AbortController();

const credential = await openCredential();
const caller = await identifyCaller(credential, managementScope(endpoint), signal);
const manager = await openResourceManager({ credential, subscriptionId, endpoint });

const account = storageAccount({
  key: 'account',
  name: storageAccountName('a', subscriptionId, group.name, group.location),
  location: group.location,
});
const container = blobContainer({ key: 'container', account, name: 'checkpoints' });
const graph = new ResourceGraph({
  environment: 'checkpoints',
  subscriptionId,
  group,
  tags: { owner: 'the vision team' },
  resources: [account, container],
  roleAssignments: [{ key: 'writer', scope: 'container', role: STORAGE_BLOB_DATA_CONTRIBUTOR, principal: caller }],
});

const plan = await planChanges(manager, graph, signal);
for (const { action, type, name } of plan.changes) console.log(action, type, name);
if (process.argv.includes('--apply') && hasChanges(plan)) {
  await applyPlan(manager, plan, {
    signal,
    allowReplace: false,
    listener: { operation: ({ name, state }) => console.log(`${name}: ${state}`) },
  });
  console.log('done');
}

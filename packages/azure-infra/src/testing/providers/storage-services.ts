import { ArmError } from '../arm/arm-error.ts';
import { mergeJson, objectAt, stringAt, at, type JsonObject } from '../arm/json.ts';
import { isWithin } from '../arm/resource-id.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import { oneOf } from './body.ts';
import { ACCOUNT_TYPE, STORAGE_API_VERSIONS } from './storage-accounts.ts';

const IMMEDIATE = {
  apiVersions: STORAGE_API_VERSIONS,
  tracked: false,
  put: { polling: 'none', createSeconds: 0, updateSeconds: 0 },
  delete: { polling: 'none', seconds: 0 },
} as const;

/** The blob service of an account: always there, under the name `default`. */
export const BLOB_SERVICE: ResourceType = {
  ...IMMEDIATE,
  type: `${ACCOUNT_TYPE}/blobServices`,
  naming: { pattern: /^default$/, rule: "the only blob service of an account is named 'default'." },
  implicit: {
    name: 'default',
    body: { properties: { cors: { corsRules: [] }, deleteRetentionPolicy: { allowPermanentDelete: false, enabled: false } } },
  },
  build: ({ body, current }) => ({ properties: mergeJson(objectAt(current?.body, 'properties'), objectAt(body, 'properties')) }),
  whatIfIgnores: ['properties.cors', 'properties.deleteRetentionPolicy'],
};

/** The queue service of an account: always there, under the name `default`. */
export const QUEUE_SERVICE: ResourceType = {
  ...IMMEDIATE,
  type: `${ACCOUNT_TYPE}/queueServices`,
  naming: { pattern: /^default$/, rule: "the only queue service of an account is named 'default'." },
  implicit: { name: 'default', body: { properties: { cors: { corsRules: [] } } } },
  build: ({ body, current }) => ({ properties: mergeJson(objectAt(current?.body, 'properties'), objectAt(body, 'properties')) }),
  whatIfIgnores: ['properties.cors'],
};

const NAME_RULE = 'it must have 3 to 63 lower-case letters, digits and dashes, and no two dashes in a row or at an end.';
const NAME_PATTERN = /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;

/** What a container has that no template states, and that what-if shows as deleted every time. */
const CONTAINER_DEFAULTS: JsonObject = {
  publicAccess: 'None',
  defaultEncryptionScope: '$account-encryption-key',
  denyEncryptionScopeOverride: false,
  hasImmutabilityPolicy: false,
  hasLegalHold: false,
  deleted: false,
  remainingRetentionDays: 0,
  leaseState: 'Available',
  leaseStatus: 'Unlocked',
};

/** Containers of blobs. */
export const CONTAINER: ResourceType = {
  ...IMMEDIATE,
  type: `${ACCOUNT_TYPE}/blobServices/containers`,
  naming: { pattern: NAME_PATTERN, rule: NAME_RULE, code: 'ContainerNameInvalid' },
  check: ({ body }) => oneOf(body, 'properties.publicAccess', ['None', 'Blob', 'Container']),
  build: ({ id, body, current }, { clock, store }) => {
    const account = store.ofType(ACCOUNT_TYPE).find((candidate) => isWithin(id.id, candidate.id.id));
    const wanted = stringAt(body, 'properties.publicAccess') ?? 'None';
    if (wanted !== 'None' && at(account?.body, 'properties.allowBlobPublicAccess') !== true) {
      throw new ArmError(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.');
    }
    const kept = current === undefined ? CONTAINER_DEFAULTS : objectAt(current.body, 'properties');
    const properties = mergeJson(kept, objectAt(body, 'properties'));
    return { properties: { ...properties, lastModifiedTime: clock.timestamp() } };
  },
  whatIfIgnores: [
    'hasImmutabilityPolicy',
    'hasLegalHold',
    'deleted',
    'remainingRetentionDays',
    'leaseState',
    'leaseStatus',
    'lastModifiedTime',
    'publicAccess',
  ].map((name) => `properties.${name}`),
};

/** Queues of an account. */
export const QUEUE: ResourceType = {
  ...IMMEDIATE,
  type: `${ACCOUNT_TYPE}/queueServices/queues`,
  put: { ...IMMEDIATE.put, status: 200 },
  delete: { polling: 'none', seconds: 0, reply: 'no-content' },
  naming: { pattern: NAME_PATTERN, rule: NAME_RULE, code: 'QueueNameInvalid' },
  build: ({ body, current }) => ({
    properties: mergeJson(mergeJson({ approximateMessageCount: 0 }, objectAt(current?.body, 'properties')), objectAt(body, 'properties')),
  }),
  whatIfIgnores: ['properties.approximateMessageCount'],
};

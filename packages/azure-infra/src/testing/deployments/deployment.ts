import { ArmError } from '../arm/arm-error.ts';
import type { Json, JsonObject } from '../arm/json.ts';
import { GROUP_TYPE, type ResourceId } from '../arm/resource-id.ts';
import type { LoadedTemplate } from './load-template.ts';
import { DEPLOYMENT_TYPE } from './template-resource.ts';

/** States of a deployment; the last three are final. */
export type DeploymentState = 'Accepted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';

/** What became of one resource of a deployment. */
export interface DeploymentOperation {
  readonly operationId: string;
  readonly target: ResourceId | undefined;
  readonly startedAt: number;
  state: 'Running' | 'Succeeded' | 'Failed';
  finishedAt: number | undefined;
  created: boolean;
  error: ArmError | undefined;
}

/** A deployment as it is kept: what was asked, how far it is, and what it did. */
export class Deployment {
  readonly loaded: LoadedTemplate;
  readonly caller: string;
  readonly correlationId: string;
  readonly tags: JsonObject;
  readonly startedAt: number;
  state: DeploymentState = 'Accepted';
  changedAt: number;
  outputs: JsonObject | undefined;
  error: ArmError | undefined;
  readonly operations: DeploymentOperation[] = [];
  readonly outputResources: string[] = [];

  constructor(loaded: LoadedTemplate, caller: string, correlationId: string, tags: JsonObject, now: number) {
    this.loaded = loaded;
    this.caller = caller;
    this.correlationId = correlationId;
    this.tags = tags;
    this.startedAt = now;
    this.changedAt = now;
  }

  get id(): string {
    return this.loaded.source.id;
  }

  get name(): string {
    return this.loaded.source.name;
  }

  get active(): boolean {
    return this.state === 'Accepted' || this.state === 'Running';
  }

  /** The deployment as a GET shows it. */
  toJson(): JsonObject {
    const { source, parameters, resources } = this.loaded;
    const namespaces = [...new Set(resources.map(({ id }) => id.type.split('/')[0] ?? ''))];
    return {
      id: this.id,
      name: this.name,
      type: DEPLOYMENT_TYPE,
      location: source.location,
      tags: this.tags,
      properties: {
        templateHash: String(JSON.stringify(source.template).length),
        mode: 'Incremental',
        provisioningState: this.state,
        timestamp: new Date(this.changedAt).toISOString(),
        duration: duration(this.startedAt, this.changedAt),
        correlationId: this.correlationId,
        parameters: Object.fromEntries([...parameters].map(([name, { type, value }]) => [name, shown(type, value)])),
        providers: namespaces.map((namespace): Json => ({ namespace, resourceTypes: [] })),
        dependencies: [],
        outputs: this.outputs,
        outputResources: this.state === 'Succeeded' ? this.outputResources.map((id): Json => ({ id })) : undefined,
        error: this.error?.toJson(),
      },
    };
  }

  /** One of its operations as a GET shows it. */
  operationJson(operation: DeploymentOperation): JsonObject {
    const { operationId, target, startedAt, finishedAt, state, created, error } = operation;
    const end = finishedAt ?? startedAt;
    return {
      id: `${this.id}/operations/${operationId}`,
      operationId,
      properties: {
        provisioningOperation: target === undefined ? 'EvaluateDeploymentOutput' : 'Create',
        provisioningState: state,
        timestamp: new Date(end).toISOString(),
        duration: duration(startedAt, end),
        trackingId: operationId,
        statusCode: state === 'Running' ? undefined : error === undefined ? (created ? 'Created' : 'OK') : statusName(error.status),
        statusMessage: error === undefined ? undefined : { status: 'Failed', error: error.toJson() },
        targetResource:
          target === undefined
            ? undefined
            : { id: target.id, resourceType: target.type, resourceName: target.type === GROUP_TYPE ? target.name : target.names.join('/') },
      },
    };
  }
}

/** How long the service lets a deployment run, in milliseconds. */
const ACTIVE_LIMIT = 7 * 24 * 3600 * 1000;

/** @throws {ArmError} when a deployment of that name is still at work. */
export function demandInactive(existing: Deployment | undefined): void {
  if (existing?.active !== true) return;
  const { name, startedAt } = existing;
  throw new ArmError(
    409,
    'DeploymentActive',
    `Unable to edit or replace deployment '${name}': previous deployment from '${new Date(startedAt).toISOString()}' is still active ` +
      `(expiration time is '${new Date(startedAt + ACTIVE_LIMIT).toISOString()}'). Please see https://aka.ms/arm-deploy for usage details.`,
  );
}

function shown(type: string, value: Json): JsonObject {
  return type.toLowerCase().startsWith('secure') ? { type } : { type, value };
}

function duration(from: number, to: number): string {
  return `PT${(to - from) / 1000}S`;
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
};

function statusName(status: number): string {
  return STATUS_NAMES[status] ?? String(status);
}

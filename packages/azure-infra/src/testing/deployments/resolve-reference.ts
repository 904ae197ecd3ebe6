import { at, type JsonObject } from '../arm/json.ts';
import { parseResourceId } from '../arm/resource-id.ts';
import { groupNotFound, resourceNotFound, type ResourceService } from '../arm/resource-service.ts';
import { isSettled, type ResourceStore } from '../arm/store.ts';
import { TemplateError, UnresolvedReference } from '../template/template-error.ts';
import type { Deployment } from './deployment.ts';
import type { LoadedTemplate } from './load-template.ts';
import type { ReferenceResolver } from './template-scope.ts';

/** The answer to `reference()` before anything is deployed. */
export const unresolvedReference: ReferenceResolver = (resource) => {
  throw new UnresolvedReference(`the state of '${resource}' is known only when the deployment runs`);
};

/** Where the state of resources and deployments is looked up. */
export interface ReferenceSources {
  readonly store: ResourceStore;
  readonly resources: ResourceService;
  readonly deployment: (id: string) => Deployment | undefined;
}

/** The answer to `reference()` while a deployment runs: the state of the resource as it is now. */
export function runningReference(loaded: LoadedTemplate, { store, resources, deployment }: ReferenceSources): ReferenceResolver {
  return (resource, apiVersion, full) => {
    const inTemplate = loaded.resources.find(
      ({ id }) => id.key === resource.toLowerCase() || id.names.join('/').toLowerCase() === resource.toLowerCase(),
    );
    const id = inTemplate?.id ?? parseResourceId(resource);
    if (id === undefined)
      throw new TemplateError(
        `The resource '${resource}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.`,
      );
    if (inTemplate === undefined && apiVersion === undefined) {
      throw new TemplateError(
        `The reference to '${resource}' requires an API version, because the resource is not defined in the template.`,
      );
    }
    const nested = deployment(id.id)?.toJson();
    const stored = store.get(id.id);
    const state: JsonObject | undefined = nested ?? (stored !== undefined && isSettled(stored.body) ? resources.view(stored) : undefined);
    if (state === undefined) {
      if (
        id.resourceGroup !== undefined &&
        store.get(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`) === undefined
      ) {
        throw groupNotFound(id.resourceGroup);
      }
      throw resourceNotFound(id.type, id.names, id.resourceGroup);
    }
    return full ? { ...state, apiVersion: apiVersion ?? inTemplate?.apiVersion } : (at(state, 'properties') ?? {});
  };
}

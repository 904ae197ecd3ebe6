import { stringAt, without, type Json, type JsonObject } from '../arm/json.ts';
import { GROUP_TYPE, isWithin } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { StoredResource } from '../arm/store.ts';
import type { LoadedTemplate } from './load-template.ts';
import { expandTemplate, type ExpandedResource, type TemplateServices } from './preflight.ts';
import { propertyChanges, type PropertyChange } from './property-changes.ts';
import { containerOf } from './template-resource.ts';

/**
 * What a deployment would change, as `{changes, diagnostics}` of https://learn.microsoft.com/rest/api/resources/deployments/what-if.
 * Templates nested in it are looked into, but for those whose parameters need the state of a resource: they are left out, and named in
 * `diagnostics`. An expression that needs such a state stands as text where its value would be.
 */
export function whatIf(loaded: LoadedTemplate, fullPayloads: boolean, services: TemplateServices): JsonObject {
  const { resources, shortCircuited } = expandTemplate(loaded, services);
  const changes = resources.map((expanded) => changeOf(expanded, fullPayloads, services));
  const groups = new Set([
    containerOf(loaded.source.target),
    ...resources.map(({ resource }) => groupId(resource.id.subscriptionId, resource.id.resourceGroup)),
  ]);
  const ignored = services.store
    .all()
    .filter(({ id }) => services.types.find(id.type)?.tracked === true && id.type !== GROUP_TYPE)
    .filter(
      ({ id }) =>
        groups.has(groupId(id.subscriptionId, id.resourceGroup)) && !resources.some(({ resource }) => isWithin(resource.id.id, id.id)),
    )
    .map((stored): JsonObject => {
      const state = services.resources.view(stored);
      return { resourceId: stored.id.id, changeType: 'Ignore', ...(fullPayloads ? { before: state, after: state } : {}) };
    });
  return {
    changes: [...changes, ...ignored],
    diagnostics: shortCircuited.map((target): Json => ({
      level: 'Warning',
      code: 'NestedDeploymentShortCircuited',
      target,
      message:
        'A nested deployment got short-circuited and all its resources got skipped from validation. This is due to a nested template having a parameter that was not fully evaluated.',
    })),
  };
}

function groupId(subscriptionId: string | undefined, resourceGroup: string | undefined): string {
  return containerOf({ subscriptionId: subscriptionId ?? '', resourceGroup }).toLowerCase();
}

function changeOf({ resource, type, body, deploymentId }: ExpandedResource, fullPayloads: boolean, services: TemplateServices): JsonObject {
  const current = services.store.get(resource.id.id);
  const common = { resourceId: current?.id.id ?? resource.id.id, deploymentId };
  const location = stringAt(body, 'location');
  const wanted: JsonObject = location === undefined ? body : { ...body, location: normalLocation(location) };
  const after: JsonObject = { id: common.resourceId, name: resource.id.name, type: type.type, apiVersion: resource.apiVersion, ...wanted };
  if (current === undefined) return { ...common, changeType: 'Create', ...(fullPayloads ? { after } : {}) };
  if (!fullPayloads) return { ...common, changeType: 'Deploy' };
  const state = stateOf(current, services);
  const delta = propertyChanges(state, wanted, { ignored: type.whatIfIgnores ?? [], readOnly: type.readOnly ?? [] });
  const before: JsonObject = { id: current.id.id, name: current.id.name, type: type.type, apiVersion: resource.apiVersion, ...state };
  return { ...common, changeType: changeType(delta), before, after, delta: delta.map(deltaJson) };
}

function stateOf(current: StoredResource, services: TemplateServices): JsonObject {
  return without(services.resources.view(current), ['id', 'name', 'type']);
}

function changeType(delta: readonly PropertyChange[]): string {
  if (delta.length === 0) return 'NoChange';
  return delta.every(({ propertyChangeType }) => propertyChangeType === 'NoEffect') ? 'NoEffect' : 'Modify';
}

function deltaJson({ path, propertyChangeType, before, after, children }: PropertyChange): JsonObject {
  return { path, propertyChangeType, before, after, children: children?.map(deltaJson) };
}

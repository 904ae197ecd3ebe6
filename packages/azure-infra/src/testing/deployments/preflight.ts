import type { AccessControl } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import { stringAt, type JsonObject } from '../arm/json.ts';
import { GROUP_TYPE } from '../arm/resource-id.ts';
import type { ResourceService } from '../arm/resource-service.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import type { ResourceStore } from '../arm/store.ts';
import type { TypeRegistry } from '../arm/type-registry.ts';
import { evaluateObject } from '../template/evaluate.ts';
import { TemplateError } from '../template/template-error.ts';
import { isNested, loadTemplate, nestedSource, type LoadedTemplate, type TemplateHost } from './load-template.ts';
import { unresolvedReference } from './resolve-reference.ts';
import type { TemplateResource } from './template-resource.ts';

/** What preflight and what-if need of the service. */
export interface TemplateServices {
  readonly host: TemplateHost;
  readonly store: ResourceStore;
  readonly types: TypeRegistry;
  readonly resources: ResourceService;
  readonly access: AccessControl;
}

/** A resource of a template with its type and, as far as they are known, its values. */
export interface ExpandedResource {
  readonly resource: TemplateResource;
  readonly type: ResourceType;
  readonly body: JsonObject;
  readonly unresolved: boolean;
  /** Id of the deployment that it belongs to. */
  readonly deploymentId: string;
}

/** A template with everything nested in it. */
export interface ExpandedTemplate {
  readonly resources: readonly ExpandedResource[];
  /** Ids of nested deployments that couldn't be looked into because their parameters need the state of a resource. */
  readonly shortCircuited: readonly string[];
}

/** All resources of a template and of the templates nested in it. @throws {TemplateError | ArmError} */
export function expandTemplate(loaded: LoadedTemplate, services: TemplateServices): ExpandedTemplate {
  const resources: ExpandedResource[] = [];
  const shortCircuited: string[] = [];
  for (const resource of loaded.resources) {
    if (isNested(resource)) {
      services.types.withVersion(resource.id.type, resource.apiVersion, undefined);
      const nested = nestedSource(resource, unresolvedReference);
      if (nested.unresolved) {
        shortCircuited.push(resource.id.id);
        continue;
      }
      const inner = expandTemplate(loadTemplate(nested.source, services.host), services);
      resources.push(...inner.resources);
      shortCircuited.push(...inner.shortCircuited);
      continue;
    }
    const { value: body, unresolved } = evaluateObject(resource.body, resource.scope.with(unresolvedReference));
    const type = services.types.withVersion(resource.id.type, resource.apiVersion, stringAt(body, 'location'));
    if (type.tracked && type.type !== GROUP_TYPE && resource.id.resourceGroup === undefined) {
      throw new TemplateError(
        `The template resource '${resource.id.name}' is not valid: the resource type '${type.type}' can't be deployed at the scope '${resource.id.scope}'; it belongs into a resource group.`,
      );
    }
    resources.push({ resource, type, body, unresolved, deploymentId: loaded.source.id });
  }
  return { resources, shortCircuited };
}

/**
 * Looks for everything that can be told to fail before it is deployed: the rights of the caller, names, locations, values, sizes, quota.
 *
 * @throws {ArmError} `InvalidTemplateDeployment` with all that was found in `details`.
 */
export function preflight(loaded: LoadedTemplate, caller: string, services: TemplateServices): ExpandedTemplate {
  const expanded = expandTemplate(loaded, services);
  const forbidden = expanded.resources.filter(
    ({ resource, type }) => !services.access.allows(caller, resource.id.id, writeAction(type.type)),
  );
  if (forbidden.length > 0) {
    const each = forbidden.map(
      ({ resource, type }) =>
        `Authorization failed for template resource '${resource.id.name}' of type '${type.type}'. The client '${caller}' with object id '${caller}' does not have permission ` +
        `to perform action '${writeAction(type.type)}' at scope '${resource.id.id}'.`,
    );
    throw new ArmError(403, 'InvalidTemplateDeployment', `Deployment failed with multiple errors: '${each.join(':')}'`);
  }
  const details = expanded.resources.flatMap(({ resource, type, body, unresolved }): ArmError[] => {
    try {
      services.resources.check(
        type,
        { id: resource.id, body, current: services.store.get(resource.id.id), caller },
        { preflight: true, values: !unresolved },
      );
      return [];
    } catch (error) {
      if (error instanceof ArmError) return [error];
      throw error;
    }
  });
  const groups = expanded.resources.filter(({ type }) => type.type === GROUP_TYPE).map(({ resource }) => resource.id.name.toLowerCase());
  for (const { resource } of expanded.resources) {
    const { resourceGroup, subscriptionId } = resource.id;
    if (resourceGroup === undefined || groups.includes(resourceGroup.toLowerCase())) continue;
    if (services.store.get(`/subscriptions/${subscriptionId ?? ''}/resourceGroups/${resourceGroup}`) !== undefined) continue;
    throw new ArmError(404, 'ResourceGroupNotFound', `Resource group '${resourceGroup}' could not be found.`);
  }
  if (details.length === 0) return expanded;
  throw new ArmError(
    400,
    'InvalidTemplateDeployment',
    `The template deployment '${loaded.source.name}' is not valid according to the validation procedure. The tracking id is '${loaded.source.name}'. See inner errors for details.`,
    { details },
  );
}

/** The right that putting a resource of the type needs. */
export function writeAction(type: string): string {
  return `${type === GROUP_TYPE ? 'Microsoft.Resources/subscriptions/resourceGroups' : type}/write`;
}

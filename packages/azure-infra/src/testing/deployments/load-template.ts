import { equalJson, isList, isObject, objectAt, stringAt, type Json, type JsonObject } from '../arm/json.ts';
import { evaluateObject } from '../template/evaluate.ts';
import { TemplateError } from '../template/template-error.ts';
import { dependencyGraph, type DependencyGraph } from './dependency-graph.ts';
import { parameterValues, type ParameterValue } from './template-parameters.ts';
import { DEPLOYMENT_TYPE, templateResources, type DeploymentTarget, type TemplateResource } from './template-resource.ts';
import { section, TemplateScope, type DeploymentFacts, type ReferenceResolver } from './template-scope.ts';

/** What a deployment is asked to do. */
export interface DeploymentSource {
  readonly id: string;
  readonly name: string;
  readonly target: DeploymentTarget;
  /** Where the deployment's record is kept; only at the subscription's scope. */
  readonly location: string | undefined;
  readonly template: JsonObject;
  /** `{name: {value}}`. */
  readonly parameters: JsonObject;
  /** For a nested template whose expressions belong to the template around it. */
  readonly outer?: TemplateScope;
}

/** A template that makes sense: its values are known, its resources named and in order. */
export interface LoadedTemplate {
  readonly source: DeploymentSource;
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  readonly scope: TemplateScope;
  /** Those whose condition holds. */
  readonly resources: readonly TemplateResource[];
  readonly graph: DependencyGraph;
  readonly outputs: JsonObject;
}

/** Facts about the place of a deployment that only the service knows. */
export interface TemplateHost {
  readonly tenantId: string;
  /** What `resourceGroup()` gives for a group. */
  group(target: DeploymentTarget): JsonObject;
}

const SECTIONS = [
  '$schema',
  'contentVersion',
  'languageVersion',
  'apiProfile',
  'metadata',
  'parameters',
  'variables',
  'functions',
  'resources',
  'outputs',
  'definitions',
];

/** @throws {TemplateError} when the template is wrong in itself or with these parameters. */
export function loadTemplate(source: DeploymentSource, host: TemplateHost): LoadedTemplate {
  const { template, target } = source;
  const unknown = Object.keys(template).find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) throw new TemplateError(`Could not find member '${unknown}' on object of type 'Template'.`);
  for (const name of ['$schema', 'contentVersion']) {
    if (typeof template[name] !== 'string') throw new TemplateError(`The template's required property '${name}' is missing.`);
  }
  if (Object.keys(section(template, 'functions')).length > 0)
    throw new TemplateError("User-defined 'functions' are not supported by this test double.");
  const items: Json = template['resources'] ?? [];
  if (!isList(items))
    throw new TemplateError("The template's 'resources' must be a list; symbolic names are not supported by this test double.");
  const facts: DeploymentFacts = {
    subscriptionId: target.subscriptionId,
    tenantId: host.tenantId,
    resourceGroup: target.resourceGroup,
    group: () => host.group(target),
    deployment: () => ({
      id: source.id,
      name: source.name,
      location: source.location,
      properties: { template, parameters: source.parameters, mode: 'Incremental' },
    }),
  };
  const parameters = source.outer === undefined ? parameterValues(template, source.parameters, facts) : new Map<string, ParameterValue>();
  const plain = new Map([...parameters].map(([name, { value }]) => [name, value] as const));
  const scope = source.outer ?? TemplateScope.of(facts, plain, section(template, 'variables'));
  const all = items.flatMap((item) => templateResources(item, target, scope));
  const graph = dependencyGraph(all);
  const resources = all.filter((resource) => resource.condition);
  return { source, parameters, scope, resources, graph, outputs: section(template, 'outputs') };
}

/** What a resource of type `Microsoft.Resources/deployments` asks for. */
export interface NestedSource {
  readonly source: DeploymentSource;
  /** Whether a parameter needs the state of a resource that isn't known yet. */
  readonly unresolved: boolean;
}

/** @param reference - how `reference()` in the parameters is answered. @throws {TemplateError} */
export function nestedSource(resource: TemplateResource, reference: ReferenceResolver): NestedSource {
  const properties = objectAt(resource.body, 'properties');
  if (properties['templateLink'] !== undefined)
    throw new TemplateError(`The nested deployment '${resource.id.name}' has a 'templateLink', which this test double can't follow.`);
  const template = properties['template'];
  if (!isObject(template)) throw new TemplateError(`The nested deployment '${resource.id.name}' has no 'template'.`);
  demandIncremental(stringAt(properties, 'mode'));
  const inner = stringAt(properties, 'expressionEvaluationOptions.scope')?.toLowerCase() === 'inner';
  const scope = resource.scope.with(reference);
  const target = { subscriptionId: resource.id.subscriptionId ?? '', resourceGroup: resource.id.resourceGroup };
  const location = evaluateObject({ location: resource.body['location'] ?? null }, resource.scope).value['location'];
  if (target.resourceGroup === undefined && typeof location !== 'string') {
    throw new TemplateError(`The nested deployment '${resource.id.name}' at the scope of a subscription requires a 'location'.`);
  }
  const given = section(properties, 'parameters');
  if (!inner && !equalJson(given, {})) {
    throw new TemplateError(
      `The nested deployment '${resource.id.name}' has 'parameters' while its expressions are evaluated in the scope of the template around it. Set 'expressionEvaluationOptions' to 'inner' to use them.`,
    );
  }
  const parameters = evaluateObject(given, scope);
  const common = {
    id: resource.id.id,
    name: resource.id.name,
    target,
    location: typeof location === 'string' ? location : undefined,
    template,
  };
  return {
    source: inner ? { ...common, parameters: parameters.value } : { ...common, parameters: {}, outer: resource.scope },
    unresolved: parameters.unresolved,
  };
}

/** @throws {TemplateError} for any other mode: complete deployments delete what they don't name, and this test double doesn't do that. */
export function demandIncremental(mode: string | undefined): void {
  if (mode?.toLowerCase() === 'incremental') return;
  throw new TemplateError(`The deployment mode '${mode ?? ''}' is not supported by this test double; it must be 'Incremental'.`);
}

/** Whether the resource is a nested deployment. */
export function isNested(resource: TemplateResource): boolean {
  return resource.id.type.toLowerCase() === DEPLOYMENT_TYPE.toLowerCase();
}

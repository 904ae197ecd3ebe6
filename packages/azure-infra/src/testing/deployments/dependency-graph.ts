import { isList, isObject, type Json } from '../arm/json.ts';
import { evaluateExpression } from '../template/evaluate.ts';
import type { Expression } from '../template/expression.ts';
import { isExpression, parseExpression } from '../template/parser.ts';
import { TemplateError, UnresolvedReference } from '../template/template-error.ts';
import type { TemplateResource } from './template-resource.ts';

/** For each resource (by the key of its id) the keys of those that must be finished first. */
export type DependencyGraph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Who waits for whom: what `dependsOn` says, and for `reference()` by name (not by id) the resource that it names. Nothing else makes a
 * dependency, above all not that one resource's properties name another's id.
 *
 * @throws {TemplateError} when a resource stands there twice, a dependency isn't in the template, or they go round in circles.
 */
export function dependencyGraph(resources: readonly TemplateResource[]): DependencyGraph {
  const keys = new Set<string>();
  for (const { id } of resources) {
    if (keys.has(id.key))
      throw new TemplateError(
        `The resource '${id.id}' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      );
    keys.add(id.key);
  }
  const graph = new Map<string, ReadonlySet<string>>();
  for (const resource of resources) {
    const explicit = resource.dependsOn.map((entry) => find(entry, resources));
    const implicit = referencedNames(resource).map((name) => resources.find((other) => nameOf(other) === name));
    graph.set(
      resource.id.key,
      new Set([...explicit, ...implicit].filter((other) => other !== undefined && other !== resource).map((other) => other?.id.key ?? '')),
    );
  }
  demandNoCircle(graph);
  return graph;
}

function find(entry: string, resources: readonly TemplateResource[]): TemplateResource {
  const wanted = entry.toLowerCase().replace(/^\/+|\/+$/g, '');
  const found = resources.find(
    (resource) => resource.id.key === `/${wanted}` || relativeId(resource) === wanted || nameOf(resource) === wanted,
  );
  if (found !== undefined) return found;
  throw new TemplateError(
    `The resource '${entry}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.`,
  );
}

function relativeId({ id }: TemplateResource): string {
  return id.key.slice(id.key.lastIndexOf('/providers/') + '/providers/'.length);
}

function nameOf({ id }: TemplateResource): string {
  return id.names.join('/').toLowerCase();
}

/** First arguments of `reference()` in the resource's body, where they can be told ahead and aren't ids. */
function referencedNames(resource: TemplateResource): readonly string[] {
  return strings(resource.body)
    .filter(isExpression)
    .flatMap((text) => referenceArguments(parseExpression(text)))
    .flatMap((argument) => {
      try {
        const name = evaluateExpression(argument, resource.scope);
        return typeof name === 'string' ? [name.toLowerCase()] : [];
      } catch (error) {
        // What can't be told here is told when the resource is deployed, or belongs to a nested template with parameters of its own.
        if (error instanceof TemplateError || error instanceof UnresolvedReference) return [];
        throw error;
      }
    });
}

function strings(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  if (isList(value)) return value.flatMap(strings);
  return isObject(value) ? Object.values(value).flatMap((inner) => strings(inner ?? null)) : [];
}

function referenceArguments(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'string':
    case 'integer':
      return [];
    case 'call': {
      const inner = expression.args.flatMap(referenceArguments);
      const [first] = expression.args;
      return expression.name.toLowerCase() === 'reference' && first !== undefined ? [first, ...inner] : inner;
    }
    case 'property':
      return referenceArguments(expression.target);
    case 'index':
      return [...referenceArguments(expression.target), ...referenceArguments(expression.index)];
  }
}

function demandNoCircle(graph: DependencyGraph): void {
  const done = new Set<string>();
  const visit = (key: string, path: readonly string[]): void => {
    if (path.includes(key)) {
      throw new TemplateError(
        `Circular dependency detected on resource: '${key}'. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      );
    }
    if (done.has(key)) return;
    for (const before of graph.get(key) ?? []) visit(before, [...path, key]);
    done.add(key);
  };
  for (const key of graph.keys()) visit(key, []);
}

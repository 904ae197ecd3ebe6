import type { PropertyChange } from '../arm/resource-manager.ts';
import { statedValues } from '../graph/stated-values.ts';
import { WRITE_ONLY_TAG } from '../graph/tags.ts';
import type { Resource } from '../graph/resource.ts';
import { Expression, isTemplateList, type TemplateValue } from '../template/expression.ts';
import type { PropertyDifference } from './planned-change.ts';

/**
 * The differences that what-if reports for a resource, without those that a deployment would not make. What-if compares the template
 * with everything that the service tells, so it reports properties that the service has set by itself as taken away, and those that
 * it never returns as added, in every run. The rule that sorts them out rests on the promise of {@link Resource.properties}: what the
 * template does not state belongs to the service.
 *
 * Noise: https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-what-if#see-results
 */
export function realDifferences(resource: Resource, changes: readonly PropertyChange[]): PropertyDifference[] {
  const differences = flatten(changes, []).filter((leaf) => !isNoise(resource, leaf));
  // The tag stands for what cannot be compared.
  const hash = differences.find(({ path }) => path === `tags.${WRITE_ONLY_TAG}`);
  const others = differences.filter((difference) => difference !== hash);
  if (hash === undefined) return others.map(withoutSegments);
  const hidden = (resource.writeOnly ?? []).map((path) => ({ path, before: describeHash(hash.before), after: describeHash(hash.after) }));
  return [...others.map(withoutSegments), ...hidden];
}

/** Whether a difference is in something that the service refuses to change. */
export function isCreateOnly(resource: Resource, { path }: PropertyDifference): boolean {
  return (resource.createOnly ?? []).some((fixed) => path === fixed || path.startsWith(`${fixed}.`));
}

interface Leaf extends PropertyDifference {
  readonly segments: readonly string[];
  readonly kind: PropertyChange['propertyChangeType'];
}

function withoutSegments({ path, before, after }: Leaf): PropertyDifference {
  return { path, before, after };
}

function describeHash(hash: unknown): string | undefined {
  return typeof hash === 'string' ? `(hash ${hash.slice(0, 8)})` : undefined;
}

function flatten(changes: readonly PropertyChange[], above: readonly string[]): Leaf[] {
  return changes.flatMap(({ path, propertyChangeType, before, after, children }): Leaf[] => {
    // A tag's name may have dots in it, and what-if does not escape them.
    const own = path.startsWith('tags.') && above.length === 0 ? ['tags', path.slice('tags.'.length)] : path.split('.');
    const segments = [...above, ...own];
    if (children !== undefined && children.length > 0) return flatten(children, segments);
    return [{ path: segments.join('.'), segments, kind: propertyChangeType, before: before ?? undefined, after: after ?? undefined }];
  });
}

const INDEX = /^\d+$/;

function isNoise(resource: Resource, { path, segments, kind, before, after }: Leaf): boolean {
  if (kind === 'NoEffect' || sameValue(before, after)) return true;
  if (resource.writeOnly?.some((hidden) => path === hidden || path.startsWith(`${hidden}.`)) === true) return true;
  const [root] = segments;
  if (after !== undefined || root === 'tags' || INDEX.test(segments.at(-1) ?? '')) return false;
  return !isStated(statedValues(resource), segments);
}

/** Whether the template says anything at a path. Which item of a list became which, what-if does not say, so any item counts. */
function isStated(value: TemplateValue | undefined, segments: readonly string[]): boolean {
  const [segment, ...rest] = segments;
  if (segment === undefined || value instanceof Expression) return value !== undefined;
  if (typeof value !== 'object' || value === null) return false;
  if (isTemplateList(value)) return value.some((item) => isStated(item, INDEX.test(segment) ? rest : segments));
  const inner = Object.entries(value).find(([name]) => name.toLowerCase() === segment.toLowerCase())?.[1];
  return inner !== undefined && isStated(inner, rest);
}

/** Azure spells ids and regions in its own way, and means the same. */
function sameValue(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (typeof before !== 'string' || typeof after !== 'string') return JSON.stringify(before) === JSON.stringify(after);
  if (before.startsWith('/subscriptions/')) return before.toLowerCase() === after.toLowerCase();
  return false;
}

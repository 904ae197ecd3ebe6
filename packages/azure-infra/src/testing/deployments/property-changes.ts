import { equalJson, isList, isObject, stringAt, type Json, type JsonObject } from '../arm/json.ts';

/**
 * A difference between a resource and its template, in the form of
 * https://learn.microsoft.com/rest/api/resources/deployments/what-if#whatifpropertychange. Paths of the children of an `Array` are indexes.
 */
export interface PropertyChange {
  readonly path: string;
  readonly propertyChangeType: 'Create' | 'Modify' | 'Delete' | 'Array' | 'NoEffect';
  readonly before?: Json;
  readonly after?: Json;
  readonly children?: readonly PropertyChange[];
}

/** Paths that aren't compared like others. `*` stands for every index of a list. */
export interface ComparisonRules {
  /** Left out where only the resource has them. */
  readonly ignored: readonly string[];
  /** What a template says of them has no effect. */
  readonly readOnly: readonly string[];
}

/** What would change if the resource became what the template says. Empty: nothing. */
export function propertyChanges(before: JsonObject, after: JsonObject, rules: ComparisonRules): readonly PropertyChange[] {
  return compareObjects(before, after, '', '', rules);
}

/** @param path - what the changes report. @param pattern - the same from the resource's root, with `*` for indexes. */
function compareObjects(
  before: JsonObject,
  after: JsonObject,
  path: string,
  pattern: string,
  rules: ComparisonRules,
): readonly PropertyChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => compare(before[name], after[name], join(path, name), join(pattern, name), rules));
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  pattern: string,
  rules: ComparisonRules,
): readonly PropertyChange[] {
  if (equalJson(before, after) || (isEmpty(before) && isEmpty(after))) return [];
  if (rules.readOnly.includes(pattern) && after !== undefined)
    return [{ path, propertyChangeType: 'NoEffect', before: before ?? null, after }];
  if (isEmpty(after)) return deletion(before ?? null, path, pattern, rules);
  if (isEmpty(before)) return [{ path, propertyChangeType: 'Create', before: null, after: after ?? null }];
  if (isObject(before) && isObject(after)) return compareObjects(before, after, path, pattern, rules);
  if (isList(before) && isList(after)) {
    const children = compareLists(before, after, pattern, rules);
    return children.length === 0 ? [] : [{ path, propertyChangeType: 'Array', before, after, children }];
  }
  return [{ path, propertyChangeType: 'Modify', before: before ?? null, after: after ?? null }];
}

function deletion(before: Json, path: string, pattern: string, rules: ComparisonRules): readonly PropertyChange[] {
  if (rules.ignored.includes(pattern)) return [];
  if (isObject(before) && rules.ignored.some((ignored) => ignored.startsWith(`${pattern}.`)))
    return compareObjects(before, {}, path, pattern, rules);
  return [{ path, propertyChangeType: 'Delete', before, after: null }];
}

/** Named objects are compared with those of the same name, other objects with those at the same place, and plain values as a set. */
function compareLists(before: readonly Json[], after: readonly Json[], pattern: string, rules: ComparisonRules): readonly PropertyChange[] {
  const all = [...before, ...after];
  if (!all.some((item) => isObject(item) || isList(item))) {
    return [
      ...before.flatMap((item, index) => (after.includes(item) ? [] : [removed(item, index)])),
      ...after.flatMap((item, index) => (before.includes(item) ? [] : [added(item, index)])),
    ];
  }
  const named = all.every((item) => stringAt(item, 'name') !== undefined);
  const partnerOf = (item: Json, index: number, others: readonly Json[]): Json | undefined =>
    named ? others.find((other) => stringAt(other, 'name') === stringAt(item, 'name')) : others[index];
  const changed = before.flatMap((item, index): readonly PropertyChange[] => {
    const partner = partnerOf(item, index, after);
    if (partner === undefined) return [removed(item, index)];
    if (!isObject(item) || !isObject(partner)) {
      return equalJson(item, partner) ? [] : [{ path: String(index), propertyChangeType: 'Modify', before: item, after: partner }];
    }
    const children = compareObjects(item, partner, '', `${pattern}.*`, rules);
    return children.length === 0 ? [] : [{ path: String(index), propertyChangeType: 'Modify', before: item, after: partner, children }];
  });
  return [...changed, ...after.flatMap((item, index) => (partnerOf(item, index, before) === undefined ? [added(item, index)] : []))];
}

function removed(item: Json, index: number): PropertyChange {
  return { path: String(index), propertyChangeType: 'Delete', before: item, after: null };
}

function added(item: Json, index: number): PropertyChange {
  return { path: String(index), propertyChangeType: 'Create', before: null, after: item };
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return isList(value) ? value.length === 0 : isObject(value) && Object.values(value).every((inner) => inner === undefined);
}

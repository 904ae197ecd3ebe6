/** Any JSON value. Values are never changed in place. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object; a member that is `undefined` counts as absent. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** @throws {SyntaxError} when the text is not JSON. */
export function parseJson(text: string): Json {
  // JSON.parse returns exactly this type; the library only declares it as any.
  return JSON.parse(text) as Json;
}

/** Whether the value is an object and not a list. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** Whether the value is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The value at a dotted path (`properties.subnets.0.name`), or undefined. */
export function at(value: Json | undefined, path: string): Json | undefined {
  let current = value;
  for (const step of path.split('.')) {
    if (isList(current)) current = current[Number(step)];
    else if (isObject(current) && Object.hasOwn(current, step)) current = current[step];
    else return undefined;
  }
  return current;
}

/** The string at a path; undefined when there is none or it is something else. */
export function stringAt(value: Json | undefined, path: string): string | undefined {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
}

/** The object at a path; an empty one when there is none. */
export function objectAt(value: Json | undefined, path: string): JsonObject {
  const found = at(value, path);
  return isObject(found) ? found : {};
}

/** The list at a path; an empty one when there is none. */
export function listAt(value: Json | undefined, path: string): readonly Json[] {
  const found = at(value, path);
  return isList(found) ? found : [];
}

/** A copy of the object with the value at a dotted path of object members; undefined removes the member. */
export function withValue(object: JsonObject, path: string, value: Json | undefined): JsonObject {
  const [step = '', ...rest] = path.split('.');
  if (rest.length === 0) {
    return value === undefined ? without(object, [step]) : { ...object, [step]: value };
  }
  const inner = object[step];
  if (!isObject(inner) && value === undefined) return object;
  return { ...object, [step]: withValue(isObject(inner) ? inner : {}, rest.join('.'), value) };
}

/** A copy of the object without some of its members. */
export function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Both objects in one: members of `over` win, objects are merged in depth, lists are replaced. */
export function mergeJson(base: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, Json | undefined> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[name];
    merged[name] = isObject(below) && isObject(value) ? mergeJson(below, value) : value;
  }
  return merged;
}

/** Whether two values are the same JSON; the order of members does not count. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => equalJson(a[name], b[name]));
}

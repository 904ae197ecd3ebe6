import { equalJson, isList, isObject, mergeJson, type Json, type JsonObject } from '../arm/json.ts';
import type { Arguments } from './arguments.ts';
import type { TemplateFunction } from './functions.ts';

/** The service's limit of `range()`. */
const MAX_RANGE = 10_000;

/** Functions of arrays and objects: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-array, …-object. */
export const COLLECTION_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  length: (args) => {
    const value = args.count(1).value(0);
    if (typeof value === 'string' || isList(value)) return value.length;
    return Object.keys(args.object(0)).length;
  },
  empty: (args) => {
    const value = args.count(1).value(0);
    if (value === null) return true;
    if (typeof value === 'string' || isList(value)) return value.length === 0;
    return Object.keys(args.object(0)).length === 0;
  },
  contains: (args) => {
    const [whole, part] = [args.count(2).value(0), args.value(1)];
    if (typeof whole === 'string') return whole.includes(args.string(1));
    if (isList(whole)) return whole.some((item) => equalJson(item, part));
    return member(args.object(0), args.string(1)) !== undefined;
  },
  first: (args) => {
    const value = args.count(1).value(0);
    return typeof value === 'string' ? value.slice(0, 1) : (args.list(0)[0] ?? null);
  },
  last: (args) => {
    const value = args.count(1).value(0);
    return typeof value === 'string' ? value.slice(-1) : (args.list(0).at(-1) ?? null);
  },
  take: (args) => cut(args, (count) => [0, count]),
  skip: (args) => cut(args, (count) => [count, undefined]),
  indexof: (args) => {
    const value = args.count(2).value(0);
    if (typeof value === 'string') return value.toLowerCase().indexOf(args.string(1).toLowerCase());
    return args.list(0).findIndex((item) => equalJson(item, args.value(1)));
  },
  union: (args) => {
    args.count(2, Infinity);
    if (isObject(args.value(0))) return args.all.map((_, index) => args.object(index)).reduce(mergeJson);
    const items = args.all.flatMap((_, index) => args.list(index));
    return items.filter((item, index) => items.findIndex((other) => equalJson(item, other)) === index);
  },
  intersection: (args) => {
    args.count(2, Infinity);
    if (isObject(args.value(0))) {
      const others = args.all.slice(1).map((_, index) => args.object(index + 1));
      return Object.fromEntries(
        Object.entries(args.object(0)).filter(([name, value]) =>
          others.every((other) => Object.hasOwn(other, name) && equalJson(other[name], value)),
        ),
      );
    }
    const others = args.all.slice(1).map((_, index) => args.list(index + 1));
    return args.list(0).filter((item) => others.every((other) => other.some((candidate) => equalJson(item, candidate))));
  },
  createarray: (args) => args.all,
  array: (args) => (isList(args.count(1).value(0)) ? args.value(0) : [args.value(0)]),
  range: (args) => {
    const [start, count] = [args.count(2).integer(0), args.integer(1)];
    if (count < 0 || count > MAX_RANGE) throw args.error(`the count must be between 0 and ${MAX_RANGE}`);
    return Array.from({ length: count }, (_, index) => start + index);
  },
  createobject: (args) => {
    if (args.all.length % 2 !== 0) throw args.error('it takes pairs of names and values');
    const entries = args.all.flatMap((value, index): [string, Json][] => (index % 2 === 0 ? [] : [[args.string(index - 1), value]]));
    return Object.fromEntries(entries);
  },
  items: (args) =>
    Object.entries(args.count(1).object(0))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value })),
  coalesce: (args) => args.count(1, Infinity).all.find((value) => value !== null) ?? null,
};

/** The value of an object's member; letter case does not matter, as everywhere in templates. */
export function member(object: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(object, name)) return object[name];
  const found = Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return found === undefined ? undefined : object[found];
}

function cut(args: Arguments, bounds: (count: number) => [number, number | undefined]): Json {
  const [start, end] = bounds(Math.max(0, args.count(2).integer(1)));
  const value = args.value(0);
  return typeof value === 'string' ? value.slice(start, end) : args.list(0).slice(start, end);
}

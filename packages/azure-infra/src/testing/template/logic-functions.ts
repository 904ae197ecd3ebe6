import { equalJson, type Json } from '../arm/json.ts';
import type { Arguments } from './arguments.ts';
import type { TemplateFunction } from './functions.ts';

/** Logical, comparing and numeric functions: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions. */
export const LOGIC_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  and: (args) => args.count(2, Infinity).all.every((_, index) => args.boolean(index)),
  or: (args) => args.count(2, Infinity).all.some((_, index) => args.boolean(index)),
  not: (args) => !args.count(1).boolean(0),
  true: (args) => args.count(0).all.length === 0,
  false: (args) => args.count(0).all.length !== 0,
  null: (args) => args.count(0).value(0),
  bool: (args) => {
    const value = args.count(1).value(0);
    if (typeof value === 'boolean') return value;
    if (typeof value === 'number') return value !== 0;
    const text = args.string(0).toLowerCase();
    if (['true', '1', 'false', '0'].includes(text)) return text === 'true' || text === '1';
    throw args.error(`'${text}' is not a boolean`);
  },
  equals: (args) => equalJson(args.count(2).value(0), args.value(1)),
  less: (args) => compare(args) < 0,
  lessorequals: (args) => compare(args) <= 0,
  greater: (args) => compare(args) > 0,
  greaterorequals: (args) => compare(args) >= 0,
  int: (args) => {
    const value = args.count(1).value(0);
    if (typeof value === 'number') return Math.trunc(value);
    const text = args.string(0);
    if (!/^-?\d+$/.test(text)) throw args.error(`'${text}' is not an integer`);
    return Number(text);
  },
  add: (args) => args.count(2).integer(0) + args.integer(1),
  sub: (args) => args.count(2).integer(0) - args.integer(1),
  mul: (args) => args.count(2).integer(0) * args.integer(1),
  div: (args) => Math.trunc(args.count(2).integer(0) / divisor(args)),
  mod: (args) => args.count(2).integer(0) % divisor(args),
  min: (args) => Math.min(...numbers(args)),
  max: (args) => Math.max(...numbers(args)),
};

function compare(args: Arguments): number {
  const value: Json = args.count(2).value(0);
  if (typeof value === 'number') return value - args.integer(1);
  const [a, b] = [args.string(0), args.string(1)];
  return a < b ? -1 : Number(a > b);
}

function divisor(args: Arguments): number {
  const value = args.integer(1);
  if (value === 0) throw args.error('the divisor is zero');
  return value;
}

function numbers(args: Arguments): readonly number[] {
  const values = args.count(1, Infinity).all.length === 1 && typeof args.value(0) !== 'number' ? args.list(0) : args.all;
  if (values.length === 0) throw args.error('the array is empty');
  return values.map((value) => {
    if (typeof value !== 'number') throw args.error('all arguments must be integers');
    return value;
  });
}

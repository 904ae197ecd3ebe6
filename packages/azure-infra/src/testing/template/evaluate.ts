import { isList, isObject, type Json, type JsonObject } from '../arm/json.ts';
import { Arguments } from './arguments.ts';
import { member } from './collection-functions.ts';
import { printExpression, type Expression } from './expression.ts';
import { templateFunction } from './functions.ts';
import { isExpression, parseExpression } from './parser.ts';
import type { EvaluationScope } from './scope.ts';
import { TemplateError, UnresolvedReference } from './template-error.ts';

/** @throws {TemplateError} when a function is unknown, refuses its arguments, or a property is missing. */
export function evaluateExpression(expression: Expression, scope: EvaluationScope): Json {
  switch (expression.kind) {
    case 'string':
    case 'integer':
      return expression.value;
    case 'call':
      return call(expression.name, expression.args, scope);
    case 'property':
      return select(evaluateExpression(expression.target, scope), expression.name, expression);
    case 'index':
      return select(evaluateExpression(expression.target, scope), evaluateExpression(expression.index, scope), expression);
  }
}

function call(name: string, args: readonly Expression[], scope: EvaluationScope): Json {
  if (name.toLowerCase() === 'if') {
    const [condition, yes, no] = args;
    if (condition === undefined || yes === undefined || no === undefined)
      new Arguments(
        name,
        args.map(() => null),
      ).count(3);
    else return evaluateExpression(new Arguments(name, [evaluateExpression(condition, scope)]).boolean(0) ? yes : no, scope);
  }
  const run = templateFunction(name);
  if (run === undefined) {
    throw new TemplateError(`The template function '${name}' is not valid. Please see https://aka.ms/arm-functions for usage details.`);
  }
  const evaluated = args.map((arg) => evaluateExpression(arg, scope));
  return run(new Arguments(name, evaluated), scope);
}

function select(target: Json, key: Json, expression: Expression): Json {
  const fail = (reason: string): TemplateError =>
    new TemplateError(
      `The language expression '${printExpression(expression)}' can't be evaluated: ${reason}. Please see https://aka.ms/arm-syntax for usage details.`,
    );
  if (isList(target) && typeof key === 'number') {
    const item = target[key];
    if (item === undefined) throw fail(`array index '${key}' is out of bounds`);
    return item;
  }
  if (isObject(target) && typeof key === 'string') {
    const value = member(target, key);
    if (value === undefined) throw fail(`property '${key}' doesn't exist, available properties are '${Object.keys(target).join(', ')}'`);
    return value;
  }
  throw fail(`a value of that type can't be accessed with '${typeof key === 'object' ? JSON.stringify(key) : key}'`);
}

/** The value of a string of a template: of its expression, or the string itself; `[[` at the start stands for `[`. */
export function evaluateString(text: string, scope: EvaluationScope): Json {
  if (isExpression(text)) return evaluateExpression(parseExpression(text), scope);
  return text.startsWith('[[') ? text.slice(1) : text;
}

/** What {@link evaluateDeep} gives. */
export interface Evaluated<Value extends Json = Json> {
  readonly value: Value;
  /** Whether an expression was left as it stands because it needs the state of a resource that isn't known yet. */
  readonly unresolved: boolean;
}

/** The value with all expressions in it replaced by theirs, names of members included; those that aren't known yet stay as text. */
export function evaluateDeep(value: Json, scope: EvaluationScope): Evaluated {
  if (typeof value === 'string') {
    try {
      return { value: evaluateString(value, scope), unresolved: false };
    } catch (error) {
      if (error instanceof UnresolvedReference) return { value, unresolved: true };
      throw error;
    }
  }
  if (isList(value)) {
    const items = value.map((item) => evaluateDeep(item, scope));
    return { value: items.map((item) => item.value), unresolved: items.some((item) => item.unresolved) };
  }
  return isObject(value) ? evaluateObject(value, scope) : { value, unresolved: false };
}

/** {@link evaluateDeep} of an object. */
export function evaluateObject(object: JsonObject, scope: EvaluationScope): Evaluated<JsonObject> {
  const members = Object.entries(object).map(([name, item]): [string, Evaluated] => {
    const evaluatedName = evaluateString(name, scope);
    if (typeof evaluatedName !== 'string') throw new TemplateError(`The name of a property is not a string: '${name}'.`);
    return [evaluatedName, evaluateDeep(item ?? null, scope)];
  });
  return {
    value: Object.fromEntries(members.map(([name, item]) => [name, item.value])),
    unresolved: members.some(([, item]) => item.unresolved),
  };
}

import { at, equalJson, isList, isObject, type Json, type JsonObject } from '../arm/json.ts';
import { textOf } from '../template/arguments.ts';
import { evaluateDeep } from '../template/evaluate.ts';
import { TemplateError } from '../template/template-error.ts';
import { section, TemplateScope, type DeploymentFacts } from './template-scope.ts';

/** A parameter of a template with the value that this deployment has for it. */
export interface ParameterValue {
  /** As declared, such as `secureString`. */
  readonly type: string;
  readonly value: Json;
}

/**
 * The values of a template's parameters: those given, and the defaults of the others.
 *
 * @param given - `{name: {value}}`, values as they are, not as expressions.
 * @throws {TemplateError} when one is missing, unknown, of the wrong type or not allowed.
 */
export function parameterValues(template: JsonObject, given: JsonObject, facts: DeploymentFacts): ReadonlyMap<string, ParameterValue> {
  const declared = section(template, 'parameters');
  const names = Object.keys(declared);
  const unknown = Object.keys(given).filter((name) => !names.some((known) => known.toLowerCase() === name.toLowerCase()));
  if (unknown.length > 0) {
    throw new TemplateError(
      `The template parameters '${unknown.join(', ')}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. ` +
        `The only supported parameters for this template are '${names.join(', ')}'.`,
    );
  }
  const values = new Map<string, ParameterValue>();
  const plain = new Map<string, Json>();
  for (const [name, definition] of Object.entries(declared)) {
    if (!isObject(definition) || typeof definition['type'] !== 'string')
      throw new TemplateError(`The template parameter '${name}' has no type.`);
    const value = valueOf(name, definition, given, TemplateScope.of(facts, plain, section(template, 'variables')));
    checkValue(name, definition['type'], definition, value);
    values.set(name.toLowerCase(), { type: definition['type'], value });
    plain.set(name.toLowerCase(), value);
  }
  return values;
}

function valueOf(name: string, definition: JsonObject, given: JsonObject, scope: TemplateScope): Json {
  const found = Object.entries(given).find(([candidate]) => candidate.toLowerCase() === name.toLowerCase())?.[1];
  const value = at(found, 'value');
  if (value !== undefined) return value;
  if (found !== undefined)
    throw new TemplateError(`The template parameter '${name}' is given without a 'value'; references to vaults are not supported.`);
  const fallback = definition['defaultValue'];
  if (fallback !== undefined) return evaluateDeep(fallback, scope).value;
  throw new TemplateError(
    `The value for the template parameter '${name}' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.`,
  );
}

const TYPES: Readonly<Record<string, (value: Json) => boolean>> = {
  string: (value) => typeof value === 'string',
  securestring: (value) => typeof value === 'string',
  int: (value) => Number.isInteger(value),
  bool: (value) => typeof value === 'boolean',
  array: isList,
  object: isObject,
  secureobject: isObject,
};

function checkValue(name: string, type: string, definition: JsonObject, value: Json): void {
  const fits = TYPES[type.toLowerCase()];
  if (fits === undefined) throw new TemplateError(`The type '${type}' of the template parameter '${name}' is not valid.`);
  if (!fits(value)) {
    throw new TemplateError(
      `Template parameter JToken type is not valid. Expected '${type}'. Actual '${value === null ? 'Null' : isList(value) ? 'Array' : typeof value}'. ` +
        `The value of the parameter '${name}' has to be of that type. Please see https://aka.ms/arm-syntax-parameters for usage details.`,
    );
  }
  const allowed = definition['allowedValues'];
  if (isList(allowed) && !allowed.some((candidate) => equalJson(candidate, value))) {
    throw new TemplateError(
      `The provided value for the template parameter '${name}' is not valid. The value '${textOf(value)}' is not part of the allowed value(s): '${allowed.map(textOf).join(',')}'.`,
    );
  }
  const size = typeof value === 'number' ? value : typeof value === 'string' || isList(value) ? value.length : undefined;
  for (const [rule, broken] of [
    ['minLength', (limit: number, actual: number): boolean => actual < limit],
    ['maxLength', (limit: number, actual: number): boolean => actual > limit],
    ['minValue', (limit: number, actual: number): boolean => actual < limit],
    ['maxValue', (limit: number, actual: number): boolean => actual > limit],
  ] as const) {
    const limit = definition[rule];
    if (typeof limit === 'number' && size !== undefined && broken(limit, size)) {
      throw new TemplateError(`The provided value for the template parameter '${name}' is not valid: its '${rule}' is ${limit}.`);
    }
  }
}

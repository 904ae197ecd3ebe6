import { isList, isObject, type Json, type JsonObject } from '../arm/json.ts';
import { TemplateError } from './template-error.ts';

/** The arguments of one call, with the checks of their number and type that every function needs. */
export class Arguments {
  readonly name: string;
  readonly all: readonly Json[];

  constructor(name: string, all: readonly Json[]) {
    this.name = name;
    this.all = all;
  }

  /** @throws {TemplateError} unless there are between `least` and `most` arguments. */
  count(least: number, most: number = least): this {
    if (this.all.length < least || this.all.length > most) {
      const wanted = least === most ? String(least) : `${least} to ${most === Infinity ? 'any number' : most}`;
      throw new TemplateError(
        `Unable to evaluate template language function '${this.name}': function requires ${wanted} argument(s) while ${this.all.length} were provided.`,
      );
    }
    return this;
  }

  has(index: number): boolean {
    return index < this.all.length;
  }

  value(index: number): Json {
    return this.all[index] ?? null;
  }

  string(index: number): string {
    const value = this.value(index);
    if (typeof value !== 'string') throw this.#wrong(index, 'a string', value);
    return value;
  }

  integer(index: number): number {
    const value = this.value(index);
    if (typeof value !== 'number') throw this.#wrong(index, 'an integer', value);
    return value;
  }

  boolean(index: number): boolean {
    const value = this.value(index);
    if (typeof value !== 'boolean') throw this.#wrong(index, 'a boolean', value);
    return value;
  }

  list(index: number): readonly Json[] {
    const value = this.value(index);
    if (!isList(value)) throw this.#wrong(index, 'an array', value);
    return value;
  }

  object(index: number): JsonObject {
    const value = this.value(index);
    if (!isObject(value)) throw this.#wrong(index, 'an object', value);
    return value;
  }

  strings(from = 0): readonly string[] {
    return this.all.slice(from).map((_, index) => this.string(from + index));
  }

  error(reason: string): TemplateError {
    return new TemplateError(`Unable to evaluate template language function '${this.name}': ${reason}.`);
  }

  #wrong(index: number, wanted: string, value: Json): TemplateError {
    return this.error(`argument ${index + 1} must be ${wanted}, and not '${typeName(value)}'`);
  }
}

function typeName(value: Json): string {
  if (value === null) return 'Null';
  if (isList(value)) return 'Array';
  return { string: 'String', number: 'Integer', boolean: 'Boolean', object: 'Object' }[
    typeof value as 'string' | 'number' | 'boolean' | 'object'
  ];
}

/** The text of a value inside a longer text, as `concat` and `format` write it. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? '' : JSON.stringify(value);
}

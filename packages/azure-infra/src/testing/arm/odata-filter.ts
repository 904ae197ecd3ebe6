import { ArmError } from './arm-error.ts';

/** A condition of a `$filter`: `field eq 'value'`, or a function such as `atScope()`. */
export type FilterTerm =
  | { readonly kind: 'equals'; readonly field: string; readonly value: string }
  | { readonly kind: 'function'; readonly name: string; readonly argument: string | undefined };

const EQUALS = /^'?([\w/.]+)'? eq '((?:[^']|'')*)'$/i;
const FUNCTION = /^(\w+)\((?:'((?:[^']|'')*)')?\)$/;

/** The conditions of a filter, all of which must hold. @throws {ArmError} for anything but `eq`, `and` and functions. */
export function parseFilter(text: string | null): readonly FilterTerm[] {
  if (text === null || text.trim() === '') return [];
  return text.split(/ and /i).map((part) => {
    const [, field, value] = EQUALS.exec(part.trim()) ?? [];
    if (field !== undefined && value !== undefined)
      return { kind: 'equals', field: field.toLowerCase(), value: value.replaceAll("''", "'") };
    const [, name, argument] = FUNCTION.exec(part.trim()) ?? [];
    if (name !== undefined) return { kind: 'function', name: name.toLowerCase(), argument: argument?.replaceAll("''", "'") };
    throw new ArmError(400, 'InvalidFilterInQueryString', `Invalid $filter '${text}' specified in the query string.`);
  });
}

/** The value that the filter wants a field to have. @throws {ArmError} when it has a field that isn't one of those known. */
export function wantedFields(terms: readonly FilterTerm[], known: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    terms.map((term) => {
      if (term.kind === 'equals' && known.some((name) => name.toLowerCase() === term.field)) return [term.field, term.value];
      throw new ArmError(400, 'InvalidFilterInQueryString', `Invalid $filter: only ${known.join(', ')} can be compared here.`);
    }),
  );
}

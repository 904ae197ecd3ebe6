import { TemplateError } from './template-error.ts';

/** A piece of an expression. `at` is where it begins, counted in characters from 0. */
export type Token =
  | { readonly kind: 'string' | 'identifier'; readonly text: string; readonly at: number }
  | { readonly kind: 'integer'; readonly value: number; readonly at: number }
  | { readonly kind: '(' | ')' | '[' | ']' | ',' | '.'; readonly at: number }
  | { readonly kind: 'end'; readonly at: number };

/** Azure's limit of one expression: https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits. */
const MAX_LENGTH = 24_576;

const SPACE = /\s+/y;
const STRING = /'((?:[^']|'')*)'/y;
const INTEGER = /-?\d+/y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const PUNCTUATION = /[()[\],.]/y;

/** @throws {TemplateError} at a character that begins nothing, a string without end, or too long a text. */
export function tokenize(text: string): readonly Token[] {
  if (text.length > MAX_LENGTH) {
    throw new TemplateError(`The language expression length limit exceeded. Limit: '${MAX_LENGTH}' and actual: '${text.length}'.`);
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const space = match(SPACE);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const [token, length] = next(match, at, text);
    tokens.push(token);
    at += length;
  }
  return [...tokens, { kind: 'end', at }];
}

function next(match: (pattern: RegExp) => RegExpExecArray | null, at: number, text: string): [Token, number] {
  const string = match(STRING);
  if (string !== null) return [{ kind: 'string', text: (string[1] ?? '').replaceAll("''", "'"), at }, string[0].length];
  const integer = match(INTEGER);
  if (integer !== null) return [{ kind: 'integer', value: integerOf(integer[0]), at }, integer[0].length];
  const identifier = match(IDENTIFIER);
  if (identifier !== null) return [{ kind: 'identifier', text: identifier[0], at }, identifier[0].length];
  const punctuation = match(PUNCTUATION)?.[0];
  switch (punctuation) {
    case '(':
    case ')':
    case '[':
    case ']':
    case ',':
    case '.':
      return [{ kind: punctuation, at }, 1];
    default:
      throw new TemplateError(
        `The language expression '${text}' is not valid: the string character '${text[at] ?? ''}' at position '${at}' is not expected.`,
      );
  }
}

function integerOf(digits: string): number {
  const value = Number(digits);
  if (!Number.isSafeInteger(value)) throw new TemplateError(`The number '${digits}' of a language expression is out of range.`);
  // There is no negative zero in the language.
  return value === 0 ? 0 : value;
}

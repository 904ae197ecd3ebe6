import { distance } from 'fastest-levenshtein';
import { isAbsolute, normalize } from 'node:path';
import { z } from 'zod';
import { parseDuration, parseListenAddress, parseSize, type ListenAddress } from './units.ts';

const MIB = 1024 * 1024;

/** What the file may hold in a place, and what the program gets from it. */
export type Field<Value, Input = Scalar> = z.ZodType<Value, Input>;

/** A number or its text: a value that comes from `${VAR}` is always a text. */
export type Scalar = string | number;

/** Keys under which other programs take a secret itself, and what to write here instead. */
const SECRET_KEYS: Readonly<Record<string, string>> = {
  account_key: 'account_key_env or account_key_file',
  access_key: 'account_key_env or account_key_file',
  key: 'account_key_env or account_key_file',
  client_secret: 'client_secret_env or client_secret_file',
  connection_string: 'connection_string_env or connection_string_file',
  password: 'client_secret_env or client_secret_file',
  sas: 'sas_env or sas_file',
  sas_token: 'sas_env or sas_file',
  sas_url: 'sas_env or sas_file, and endpoint',
};

/** The message for one key that the schema does not know. It never repeats the value. */
function unknownKeyMessage(key: string, known: readonly string[]): string {
  const instead = SECRET_KEYS[key.toLowerCase()];
  if (instead !== undefined) {
    return `a secret must not stand in the configuration; name an environment variable or a file with ${instead}`;
  }
  const [nearest] = known
    .map((name) => ({ name, edits: distance(key.toLowerCase(), name) }))
    .filter(({ name, edits }) => edits <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return nearest === undefined ? `unknown key; known here: ${known.join(', ')}` : `unknown key; did you mean "${nearest.name}"?`;
}

/** A mapping that knows all its keys. Its message for unknown ones has one line for each, in the order of the issue's `keys`. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKeyMessage(key, known)).join('\n');
      return `expected keys (${known.join(', ')}), got ${shown(issue.input)}`;
    },
  });
}

/** A value as a message shows it. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}

/**
 * A scalar that is read from a number (or a boolean) or from a text; texts that come from `${VAR}` read like any other. `parse` gives
 * `undefined` for what is not one.
 */
function scalar<T, Kind extends z.ZodNumber | z.ZodBoolean>(
  what: string,
  kind: Kind,
  parse: (text: string) => T | undefined,
): Field<T, z.input<Kind> | string> {
  const message = (input: unknown): string => `expected ${what}, got ${shown(input)}`;
  return z.union([kind, z.string()], { error: (issue) => message(issue.input) }).transform((input, context) => {
    const value = parse(String(input));
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: message(input), input });
    return z.NEVER;
  });
}

const inRange = (value: number | undefined, least: number, most: number): number | undefined =>
  value !== undefined && value >= least && value <= most ? value : undefined;

/** A text that is not empty. */
export function text(what: string): z.ZodString {
  return z.string({ error: (issue) => `expected ${what}, got ${shown(issue.input)}` }).min(1, { error: `expected ${what}, got nothing` });
}

/** A size in bytes, at least `least`. */
export function size(least = 0): Field<number> {
  const what = least === 0 ? 'a size such as 50GB or 512MiB' : `a size of at least ${least / MIB}MB, such as 50GB`;
  return scalar(what, z.number(), (value) => inRange(parseSize(value), least, Number.MAX_SAFE_INTEGER));
}

/** A size in bytes that is a power of two. */
export function powerOfTwo(least: number, most: number): Field<number> {
  return scalar(`a power of two from ${least / 1024}KB to ${most / MIB}MB`, z.number(), (value) => {
    const bytes = inRange(parseSize(value), least, most);
    return bytes !== undefined && Number.isInteger(Math.log2(bytes)) ? bytes : undefined;
  });
}

/** A duration in milliseconds. */
export function duration(): Field<number> {
  return scalar('a duration such as 500ms, 30s, 5m or 24h', z.number(), parseDuration);
}

/** A whole number, both ends included. */
export function integer(least: number, most: number): Field<number> {
  return scalar(`a whole number from ${least} to ${most}`, z.number(), (value) =>
    /^\d+$/.test(value) ? inRange(Number(value), least, most) : undefined,
  );
}

/** A number above 0 and up to 1. */
export function ratio(): Field<number> {
  return scalar('a number above 0 and up to 1', z.number(), (value) =>
    /^\d*\.?\d+$/.test(value) ? inRange(Number(value), Number.MIN_VALUE, 1) : undefined,
  );
}

/** `true` or `false`. */
export function flag(): Field<boolean, boolean | string> {
  return scalar('true or false', z.boolean(), (value) => (value === 'true' ? true : value === 'false' ? false : undefined));
}

/** Permission bits in octal digits, such as `022`. */
export function octal(): Field<number> {
  return scalar('octal digits from 0 to 777, such as 022', z.number(), (value) =>
    /^(0o)?[0-7]{1,4}$/.test(value) ? inRange(Number.parseInt(value.replace('0o', ''), 8), 0, 0o777) : undefined,
  );
}

/** `host:port`. */
export function listenAddress(): Field<ListenAddress> {
  return scalar('an address such as 127.0.0.1:9090', z.number(), parseListenAddress);
}

/** One of some words. */
export function choice<const Name extends string>(...names: Name[]): Field<Name, Name> {
  return z.enum(names, { error: (issue) => `expected one of ${names.join(', ')}, got ${shown(issue.input)}` });
}

/** An absolute path, without a slash at its end. */
export function absolutePath(what: string): Field<string, string> {
  return text(`the absolute path of ${what}`)
    .refine(isAbsolute, { error: (issue) => `expected an absolute path, got ${shown(issue.input)}` })
    .transform((path) => normalize(path).replace(/(?<=.)\/$/, ''));
}

/** The name of the environment variable that holds a secret. Who writes the secret itself by mistake does not find it in a log. */
export function secretVariable(): z.ZodOptional<z.ZodString> {
  return z
    .string({ error: 'expected the name of an environment variable' })
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'expected the name of an environment variable (the name, not the secret)' })
    .optional();
}

/** The file that holds a secret. */
export function secretFile(): z.ZodOptional<z.ZodString> {
  return z
    .string({ error: 'expected the absolute path of a file' })
    .refine(isAbsolute, { error: 'expected the absolute path of a file (the path, not the secret)' })
    .optional();
}

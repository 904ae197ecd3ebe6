import { readFile } from 'node:fs/promises';
import { distance } from 'fastest-levenshtein';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { TrainerError } from '../errors.ts';
import { flagOf } from './flags.ts';
import { configSchema } from './schema.ts';
import type { Config, ConfigKey } from './schema.ts';

/** Values of the command line by key; they replace those of the file. */
export type Overrides = Partial<Readonly<Record<ConfigKey, unknown>>>;

export interface LoadOptions {
  /** The YAML file, if there is one. */
  readonly file: string | undefined;
  readonly overrides: Overrides;
  /** Sets of keys of which the command needs at least one each. */
  readonly needs: readonly (readonly [ConfigKey, ...ConfigKey[]])[];
}

/** Where a fault is and what it is. */
interface Fault {
  /** `file:line:column`, or a flag. */
  readonly place: string;
  readonly line: number;
  readonly message: string;
}

/** Reads the settings from file and flags. All that is wrong with them is told in one `CONFIG_INVALID`. */
export async function loadConfig({ file, overrides, needs }: LoadOptions): Promise<Config> {
  const source = new ConfigSource(file, file === undefined ? '' : await read(file));
  const given = { ...withoutReplaced(source.values, overrides), ...overrides };
  const faults: Fault[] = [];
  const blame = (key: string, message: string): void => {
    faults.push(key in overrides ? { place: flagOf(key), line: 0, message } : { ...source.placeOf(key), message: `${key}: ${message}` });
  };

  const result = configSchema.safeParse(given);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) blame(key, unknownKey(key));
    else if (issue.code === 'custom' && issue.params?.['acrossKeys'] === true) blame(String(issue.path[0]), issue.message);
    else {
      const [key = '', index] = issue.path;
      const value: unknown = Reflect.get(given, key);
      const item: unknown = Array.isArray(value) && typeof index === 'number' ? value[index] : value;
      blame(String(key), `${issue.message}, got ${shown(item)}`);
    }
  }
  for (const keys of needs) {
    if (keys.some((key) => isGiven(Reflect.get(given, key)))) continue;
    const flags = keys.map(flagOf).join(' or ');
    faults.push({ place: 'missing', line: Infinity, message: `${keys.join(' or ')} (${flags})` });
  }
  if (result.success && faults.length === 0) return result.data;
  throw invalid(faults);
}

/** Keys of which one takes the place of the other. */
const ALTERNATIVES = { steps: 'epochs', epochs: 'steps' } as const;

/** The values of the file, without those whose alternative is given by a flag. */
function withoutReplaced(values: Readonly<Record<string, unknown>>, overrides: Overrides): Record<string, unknown> {
  const replaced = Object.entries(ALTERNATIVES).flatMap(([key, other]) => (key in overrides && !(other in overrides) ? [other] : []));
  return Object.fromEntries(Object.entries(values).filter(([key]) => !replaced.some((name) => name === key)));
}

/** The values of a file, and where they stand in it. */
class ConfigSource {
  readonly values: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(file = '', text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines });
    // What the parser finds after a first error of syntax is often an echo of it, but a key that is there twice is not.
    const syntax = this.#document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
    const errors = syntax === undefined ? this.#document.errors : [syntax];
    if (errors.length > 0) throw invalid(errors.map(({ pos, message }) => ({ ...this.#place(pos[0]), message: firstSentence(message) })));
    const { contents } = this.#document;
    if (contents !== null && !isMap(contents))
      throw invalid([{ ...this.#place(contents.range[0]), message: 'expected keys and values, as "steps: 2000"' }]);
    this.values = this.#plainValues();
  }

  #plainValues(): Record<string, unknown> {
    try {
      const values: unknown = this.#document.toJS();
      return typeof values === 'object' && values !== null ? Object.fromEntries(Object.entries(values)) : {};
    } catch (error) {
      // An alias without its anchor, or aliases so nested that they would fill the memory.
      throw invalid([{ ...this.#place(0), message: error instanceof Error ? error.message : String(error) }]);
    }
  }

  placeOf(key: string): { place: string; line: number } {
    const { contents } = this.#document;
    const pair = isMap(contents) ? contents.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
    return this.#place(isScalar(pair?.key) ? pair.key.range[0] : 0);
  }

  #place(offset: number): { place: string; line: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { place: `${this.#file}:${line}:${col}`, line };
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrainerError('CONFIG_UNREADABLE', `cannot read the configuration "${file}": ${reason}`, { cause });
  }
}

function invalid(faults: readonly Fault[]): TrainerError {
  const list = faults.toSorted((a, b) => a.line - b.line).map(({ place, message }) => `  ${place}: ${message}`);
  return new TrainerError(
    'CONFIG_INVALID',
    `the settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${list.join('\n')}`,
  );
}

function unknownKey(key: string): string {
  const known = Object.keys(configSchema.shape);
  const [nearest] = known
    .map((name) => ({ name, edits: distance(key.toLowerCase(), name) }))
    .filter(({ name, edits }) => edits <= Math.max(2, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.edits - b.edits);
  return nearest === undefined ? `unknown key; known are ${known.join(', ')}` : `unknown key; did you mean "${nearest.name}"?`;
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}

/** The parser's message without its own position and picture of the line. */
function firstSentence(message: string): string {
  return (message.split('\n', 1)[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}

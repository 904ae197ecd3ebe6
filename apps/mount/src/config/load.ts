import { readFile } from 'node:fs/promises';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Pair } from 'yaml';
import type { z } from 'zod';
import { ConfigError, formatKey, type ConfigFault } from './errors.ts';
import { configSchema, type Config } from './schema.ts';
import { expandVariables } from './variables.ts';

/** Values from the command line that replace those of the file; each names its option for messages. */
export interface Override {
  readonly key: readonly [string, ...string[]];
  readonly value: string;
  /** Such as `--mount-point`. */
  readonly option: string;
}

/** What {@link loadConfig} takes besides the path. */
export interface LoadOptions {
  readonly overrides?: readonly Override[];
  /** Variables for `${VAR}`. Default: those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Reads and validates a configuration file; rejects with a {@link ConfigError}. */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<Config> {
  let source: string;
  try {
    source = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const why = code === 'ENOENT' ? 'there is no such file' : error instanceof Error ? error.message : String(error);
    throw new ConfigError('CONFIG_UNREADABLE', `cannot read the configuration ${path}: ${why}. Name another one with --config`, {
      cause: error,
    });
  }
  return parseConfig(source, path, options);
}

/** Validates the text of a configuration; `path` is for messages only. */
export function parseConfig(source: string, path: string, options: LoadOptions = {}): Config {
  const { overrides = [], env = process.env } = options;
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines });
  const place = (offset: number | undefined): { line?: number; column?: number } => {
    if (offset === undefined) return {};
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };

  // After an error of syntax the parser guesses, and what else it finds is an echo of the first.
  const syntax = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  const faults: ConfigFault[] = (syntax === undefined ? document.errors : [syntax]).map((error) => ({
    key: '',
    ...place(error.pos[0]),
    message: yamlMessage(error.message),
  }));
  if (faults.length > 0) throw invalid(path, faults);
  if (document.contents === null) throw invalid(path, [{ key: '', message: 'the file is empty; it needs at least backends' }]);

  visit(document, {
    Pair(_role, { key }) {
      if (isScalar(key)) return;
      faults.push({ key: '', ...place(isNode(key) ? key.range?.[0] : undefined), message: 'a key must be a plain word' });
    },
  });
  if (faults.length > 0) throw invalid(path, faults);

  const unexpanded = expandVariables(document, env);
  faults.push(...unexpanded.map(({ node, key, message }) => ({ key, ...place(node.range?.[0]), message })));

  const value = toValue(document, path);
  for (const { key, value: replacement } of overrides) setAt(value, key, replacement);
  const result = configSchema.safeParse(value);
  if (result.success && faults.length === 0) return result.data;

  const told = new Set(faults.map(({ key }) => key));
  for (const { path: keys, message } of result.success ? [] : result.error.issues.flatMap(separateKeys)) {
    const key = formatKey(keys);
    // A value whose variable is missing is faulty in other ways too; the variable is what to repair.
    if (told.has(key)) continue;
    const override = overrides.find((candidate) => formatKey(candidate.key) === key);
    faults.push(override === undefined ? { key, ...place(offsetOf(document, keys)), message } : { key: override.option, message });
  }
  throw invalid(path, faults);
}

function invalid(path: string, faults: readonly ConfigFault[]): ConfigError {
  const sorted = [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const list = sorted.map(({ key, line, column, message }) => {
    const where = line === undefined ? '' : `:${line}:${column ?? 1}`;
    return `  ${path}${where}: ${key === '' ? '' : `${key}: `}${message}`;
  });
  const count = sorted.length === 1 ? 'a fault' : `${sorted.length} faults`;
  return new ConfigError('CONFIG_INVALID', `the configuration has ${count}:\n${list.join('\n')}`, { faults: sorted });
}

/** The plain value of the document; aliases without an anchor, or so nested that they would fill the memory, are faults. */
function toValue(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw invalid(path, [{ key: '', message: error instanceof Error ? error.message : String(error) }]);
  }
}

/** The library's message without its own position and picture of the line. */
function yamlMessage(message: string): string {
  return (message.split('\n', 1)[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}

interface PlainIssue {
  readonly path: PropertyKey[];
  readonly message: string;
}

/** An issue about several unknown keys of one mapping, as one for each key. */
function separateKeys(issue: z.core.$ZodIssue): PlainIssue[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  const messages = issue.message.split('\n');
  return issue.keys.map((key, index) => ({ path: [...issue.path, key], message: messages[index] ?? issue.message }));
}

/** Where a key stands, or an item of a list; for one that is missing, the mapping that should have it. */
function offsetOf(document: Document.Parsed, keys: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const key of keys) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      offset = isScalar(pair.key) ? pair.key.range?.[0] : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (!isNode(node)) break;
      offset = node.range?.[0];
    } else {
      break;
    }
  }
  return offset;
}

function setAt(target: unknown, [first, ...rest]: readonly string[], value: string): void {
  if (first === undefined || typeof target !== 'object' || target === null) return;
  if (rest.length === 0) {
    Reflect.set(target, first, value);
    return;
  }
  const inner: unknown = Reflect.get(target, first);
  if (typeof inner !== 'object' || inner === null) Reflect.set(target, first, {});
  setAt(Reflect.get(target, first), rest, value);
}

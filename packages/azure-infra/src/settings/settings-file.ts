import { distance } from 'fastest-levenshtein';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { SettingsFault } from '../errors.ts';
import { SETTING_KEYS, type SettingKey } from './definitions.ts';

/** A settings file: YAML with one mapping at its root. */
export interface SettingsFile {
  /** For messages. */
  readonly path: string;
  readonly text: string;
}

/** What a settings file holds, before its values are checked. */
export interface ParsedSettingsFile {
  readonly values: ReadonlyMap<SettingKey, unknown>;
  /** Faults of syntax, and keys that there are not. */
  readonly faults: readonly SettingsFault[];
  /** `file:line:column` of a key, or of what is inside of its value. */
  placeOf(keys: readonly PropertyKey[]): string;
}

/** Reads the keys of a file; never throws. */
export function parseSettingsFile({ path, text }: SettingsFile): ParsedSettingsFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const placeOf = (keys: readonly PropertyKey[]): string => place(offsetOf(document, keys));
  const nothing = (faults: readonly SettingsFault[]): ParsedSettingsFile => ({ values: new Map(), faults, placeOf });

  // After an error of syntax the parser guesses, and what else it finds is an echo of the first.
  const syntax = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  const errors = syntax === undefined ? document.errors : [syntax];
  if (errors.length > 0) return nothing(errors.map((error) => ({ place: place(error.pos[0]), message: plainMessage(error.message) })));
  if (document.contents === null) return nothing([]);
  if (!isMap(document.contents))
    return nothing([{ place: placeOf([]), message: 'must be a mapping of settings, such as vm_size: Standard_D8s_v5' }]);

  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    // Aliases without an anchor, or so nested that they would fill the memory.
    return nothing([{ place: path, message: error instanceof Error ? error.message : String(error) }]);
  }
  const values = new Map<SettingKey, unknown>();
  const faults: SettingsFault[] = [];
  for (const [name, value] of Object.entries(content ?? {})) {
    const key = SETTING_KEYS.find((known) => known === name);
    if (key === undefined) faults.push({ place: placeOf([name]), message: unknownKeyMessage(name) });
    else values.set(key, value);
  }
  return { values, faults, placeOf };
}

/** More edits than a third of the word make another word. */
const EDITS_PER_LETTER = 1 / 3;

function unknownKeyMessage(name: string): string {
  const [nearest] = SETTING_KEYS.map((key) => ({ key, edits: distance(name.toLowerCase().replaceAll('-', '_'), key) }))
    .filter(({ key, edits }) => edits <= key.length * EDITS_PER_LETTER)
    .sort((a, b) => a.edits - b.edits);
  const help = nearest === undefined ? `the settings are ${SETTING_KEYS.join(', ')}` : `did you mean "${nearest.key}"?`;
  return `${name}: there is no such setting; ${help}`;
}

/** The library's message without its own position and picture of the line. */
function plainMessage(message: string): string {
  return (message.split('\n', 1)[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}

/** Where a key stands, or an item of a list; for one that is missing, what should have it. */
function offsetOf(document: Document.Parsed, keys: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = isNode(node) ? (node.range?.[0] ?? offset) : offset;
    } else {
      break;
    }
  }
  return offset;
}

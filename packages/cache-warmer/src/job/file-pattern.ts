import picomatch from 'picomatch';

/**
 * Tells whether a file is meant by a pattern.
 *
 * A pattern without a slash is one for file names, in the language of Go's `filepath.Match`, which the CacheWarmer for Avere vFXT used:
 * `*` any run of characters, `?` one character, `[a-z]` one of a class, `[^a-z]` one that is not, `\` takes the next one as it is
 * (https://pkg.go.dev/path/filepath#Match). A pattern with a slash is one for the path below the target, in which `**` stands for any number
 * of folders.
 */
export function matcher(pattern: string): (path: string) => boolean {
  if (pattern.includes('/')) return picomatch(pattern.replace(/^\//, ''), { dot: true, nocase: false });
  const name = new RegExp(`^${nameExpression(pattern)}$`, 'su');
  return (path) => name.test(path.slice(path.lastIndexOf('/') + 1));
}

/** What is wrong with a pattern, as `must …`; undefined when it is one. */
export function patternFault(pattern: string): string | undefined {
  if (pattern === '') return 'must not be an empty pattern';
  try {
    matcher(pattern);
    return undefined;
  } catch (error) {
    return `must be a pattern such as *.exr (${error instanceof Error ? error.message : String(error)})`;
  }
}

function nameExpression(pattern: string): string {
  let expression = '';
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') expression += '.*';
    else if (character === '?') expression += '.';
    else if (character === '[') {
      const end = classEnd(characters, at);
      expression += classExpression(characters.slice(at + 1, end));
      at = end;
    } else if (character === '\\') {
      at += 1;
      const next = characters[at];
      if (next === undefined) throw new Error('a backslash at the end stands for nothing');
      expression += escape(next);
    } else expression += escape(character);
  }
  return expression;
}

function classEnd(characters: readonly string[], open: number): number {
  let at = open + 1;
  if (characters[at] === '^') at += 1;
  // A class is never empty, so a bracket at its begin has no meaning.
  for (let first = true; at < characters.length; at++, first = false) {
    if (characters[at] === '\\') at += 1;
    else if (characters[at] === ']' && !first) return at;
    else if (characters[at] === ']') break;
  }
  throw new Error('a [ without its ], or with nothing between them');
}

function classExpression(characters: readonly string[]): string {
  let at = 0;
  const isNegated = characters[at] === '^';
  if (isNegated) at += 1;
  let expression = '';
  const take = (): string => {
    const isEscaped = characters[at] === '\\';
    if (isEscaped) at += 1;
    const taken = characters[at];
    at += 1;
    if (taken === undefined || (taken === '-' && !isEscaped)) throw new Error('a - in brackets must stand between two characters');
    return taken;
  };
  while (at < characters.length) {
    const low = take();
    let high = low;
    if (characters[at] === '-') {
      at += 1;
      high = take();
    }
    if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0)) throw new Error(`${low}-${high} is no range`);
    expression += `${escape(low)}-${escape(high)}`;
  }
  return `[${isNegated ? '^' : ''}${expression}]`;
}

/** As a code point, which means itself inside and outside of brackets. */
function escape(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

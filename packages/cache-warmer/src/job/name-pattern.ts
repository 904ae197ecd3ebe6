/**
 * The expression for a pattern of names in the language of Go's `filepath.Match`, which the CacheWarmer for Avere vFXT used: `*` any run of
 * characters, `?` one character, `[a-z]` one of a class, `[^a-z]` one that is not, `\` takes the next one as it is
 * (https://pkg.go.dev/path/filepath#Match).
 *
 * @throws {Error} when it is none.
 */
export function nameExpression(pattern: string): RegExp {
  const runs = [''];
  const characters = Array.from(pattern);
  const add = (expression: string): void => void runs.push(`${runs.pop() ?? ''}${expression}`);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') runs.push('');
    else if (character === '?') add('.');
    else if (character === '[') {
      const end = classEnd(characters, at);
      add(classExpression(characters.slice(at + 1, end)));
      at = end;
    } else if (character === '\\') {
      at += 1;
      const next = characters[at];
      if (next === undefined) throw new Error('a backslash at the end stands for nothing');
      add(escape(next));
    } else add(escape(character));
  }
  return new RegExp(joinRuns(runs), 'su');
}

/**
 * Puts a star between each two. What stands between two stars is as good at the first place where it fits as at any later one, so the
 * expression never goes back over one (a group in a lookahead is not tried again); otherwise a few stars would take minutes for a name.
 */
function joinRuns([head = '', ...rest]: readonly string[]): string {
  const tail = rest.pop();
  if (tail === undefined) return `^${head}$`;
  return `^${head}${rest.map((run, index) => `(?=(.*?${run}))\\${index + 1}`).join('')}.*${tail}$`;
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

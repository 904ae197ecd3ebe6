import { nameExpression } from './name-pattern.ts';

/**
 * Tells whether a file is meant by a pattern: one without a slash is for file names ({@link nameExpression}), one with a slash is for paths
 * below the target, name by name, and `**` in it stands for any number of folders.
 */
export function matcher(pattern: string): (path: string) => boolean {
  if (!pattern.includes('/')) {
    const name = nameExpression(pattern);
    return (path) => name.test(path.slice(path.lastIndexOf('/') + 1));
  }
  const runs: RegExp[][] = [[]];
  for (const name of pattern.split('/').filter(Boolean)) {
    if (name === '**') runs.push([]);
    else runs.at(-1)?.push(nameExpression(name));
  }
  return (path) => fits(runs, path.split('/'));
}

/** What is wrong with a pattern, as `must …`; undefined when it is one. */
export function patternFault(pattern: string): string | undefined {
  if (pattern === '') return 'must not be an empty pattern';
  if (pattern.endsWith('/')) return `must not end with a slash: ${pattern}** means everything below`;
  try {
    matcher(pattern);
    return undefined;
  } catch (error) {
    return `must be a pattern such as *.exr (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** With any number of names between each two runs. As with the stars of a name, the first place where a run fits is as good as any other. */
function fits([head = [], ...rest]: readonly RegExp[][], names: readonly string[]): boolean {
  const tail = rest.pop();
  const end = names.length - (tail ?? []).length;
  if (tail === undefined ? head.length !== end : head.length > end) return false;
  if (!fitsAt(head, names, 0) || !fitsAt(tail ?? [], names, end)) return false;
  let at = head.length;
  for (const run of rest) {
    while (at + run.length <= end && !fitsAt(run, names, at)) at += 1;
    at += run.length;
    if (at > end) return false;
  }
  return true;
}

function fitsAt(run: readonly RegExp[], names: readonly string[], at: number): boolean {
  return run.every((expression, index) => expression.test(names[at + index] ?? ''));
}

/** One thing that the setup sees to. */
export interface SetupItem {
  /** For people: `Node`, `Mount point`. */
  readonly name: string;
  readonly present: boolean;
  /** A version, a path, or what is missing. */
  readonly detail: string;
}

/**
 * Reads what the check script printed: name, state and detail, with tabs between them. A line of another form, such as a greeting of
 * the login shell, is no item.
 */
export function parseCheck(lines: readonly string[]): SetupItem[] {
  return lines.flatMap((line) => {
    const [name, state, detail, ...rest] = line.split('\t');
    if (name === undefined || detail === undefined || rest.length > 0 || (state !== 'ok' && state !== 'missing')) return [];
    return [{ name, present: state === 'ok', detail }];
  });
}

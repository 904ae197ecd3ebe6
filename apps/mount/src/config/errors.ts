/** One thing that is wrong. */
export interface ConfigFault {
  /** The key, such as `backends[0].auth.method`; empty for the file as a whole. */
  readonly key: string;
  /** Line and column, counted from 1; absent when the value came from the command line. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/**
 * The configuration cannot be used.
 *
 * - `CONFIG_UNREADABLE`: there is no such file, or it can't be read.
 * - `CONFIG_INVALID`: it was read, and `faults` says all that is wrong with it.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: 'CONFIG_UNREADABLE' | 'CONFIG_INVALID';
  readonly faults: readonly ConfigFault[];

  constructor(
    code: ConfigError['code'],
    message: string,
    options: { readonly faults?: readonly ConfigFault[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.faults = options.faults ?? [];
  }
}

/** `['backends', 0, 'name']` as `backends[0].name`. */
export function formatKey(keys: readonly PropertyKey[]): string {
  return keys.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');
}

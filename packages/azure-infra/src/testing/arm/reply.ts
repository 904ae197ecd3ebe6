import type { Json } from './json.ts';

/** The answer to a request. Header values that begin with `/` and are a URL get the base of the request's own URL in front. */
export interface Reply {
  readonly status: number;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

import type { Json } from './json.ts';
import type { Reply } from './reply.ts';

/** Makes the answer of a list: `{value, nextLink?}`. */
export type Pager = (
  items: readonly Json[],
  request: { readonly base: string; readonly path: string; readonly query: URLSearchParams },
) => Reply;

/** A pager that gives so many items at a time, and no more than `$top` where that is less. */
export function pager(pageSize: number): Pager {
  return (items, { base, path, query }) => {
    const start = Number(query.get('$skiptoken') ?? 0);
    const end = start + Math.min(pageSize, Number(query.get('$top') ?? Infinity));
    if (end >= items.length) return { status: 200, body: { value: items.slice(start) } };
    const next = new URLSearchParams(query);
    next.set('$skiptoken', String(end));
    return { status: 200, body: { value: items.slice(start, end), nextLink: `${base}${path}?${next.toString()}` } };
  };
}

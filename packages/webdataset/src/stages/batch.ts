import { atLeast } from '../at-least.ts';
import { iterable, type Items } from './stage.ts';

/** How `batch` ends. */
export interface BatchOptions {
  /** Whether items that fill no whole batch at the end come as a smaller one. Default true; false leaves them out. */
  readonly partial?: boolean;
}

/** What is no record of fields, and therefore not taken apart. */
type Whole =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | readonly unknown[]
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | Date
  | ((...parameters: never) => unknown);

/** A batch of items: of records an object with an array for each field, of anything else an array. */
export type Collated<T> = [T] extends [Whole] ? T[] : { [Field in keyof T]: T[Field][] };

/**
 * Puts `size` items together, by field: `{ jpg, cls }` thrice becomes `{ jpg: [a, b, c], cls: [1, 2, 3] }`. All arrays are as long
 * as the batch has items, with `undefined` where an item lacks a field. Items that are no plain objects (numbers, strings,
 * arrays, typed arrays, instances of classes) come as an array. Reads ahead no more than the batch that it fills.
 *
 * @param size items in a batch, at least 1
 * @param options whether the last batch may be smaller
 */
export function batch(size: number, { partial = true }: BatchOptions = {}): <T>(items: Items<T>) => AsyncIterable<Collated<T>> {
  atLeast('size', size, 1);
  return <T>(items: Items<T>) =>
    iterable(async function* () {
      let members: T[] = [];
      for await (const item of items) {
        members.push(item);
        if (members.length < size) continue;
        const full = members;
        members = [];
        yield collate(full);
      }
      if (partial && members.length > 0) yield collate(members);
    });
}

function collate<T>(members: readonly T[]): Collated<T> {
  // Whether items are records is known only here, so both results are claimed to be of the type that says the same.
  const rows: readonly unknown[] = members;
  if (!rows.every(isRecord)) return members as Collated<T>;
  const columns = new Map<string, unknown[]>();
  for (const [row, member] of rows.entries()) {
    for (const [field, value] of Object.entries(member)) {
      const column = columns.get(field) ?? Array.from<unknown>({ length: members.length });
      columns.set(field, column);
      column[row] = value;
    }
  }
  return Object.fromEntries(columns) as Collated<T>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

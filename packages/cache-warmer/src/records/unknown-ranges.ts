import { BLOCK_ITEMS } from './item-bits.ts';
import type { Outcome, OutcomeSet } from './outcome-set.ts';
import { ITEM_DIGITS } from './record-names.ts';

/** A listing of a range of items that gives no more of what is known than this costs less than listings of its parts. */
const MOST_KNOWN_LISTED = BLOCK_ITEMS;

/**
 * Where records of an outcome may be that are not known yet: the digits with which their item numbers begin. Ranges of which every
 * item has a record of either outcome are left out, and those of which much is known are cut into ten, down to 1,000 items.
 */
export function* unknownRanges(known: OutcomeSet, outcome: Outcome, items: number, digits = ''): Generator<string> {
  const span = 10 ** (ITEM_DIGITS - digits.length);
  const first = Number(digits) * span;
  const end = Math.min(first + span, items);
  if (first >= end || known.countIn(first, end) === end - first) return;
  if (span === BLOCK_ITEMS || known.countIn(first, end, outcome) <= MOST_KNOWN_LISTED) yield digits;
  else for (let digit = 0; digit < 10; digit++) yield* unknownRanges(known, outcome, items, `${digits}${digit}`);
}

import { WebDatasetError } from './errors.ts';

/** Upper bound of one expansion: several times the shards of the largest public data sets, and far from filling the memory. */
const MAX_SHARDS = 2_000_000;

/**
 * Expands a shard specification into paths, in order, as Python webdataset and bash do:
 *
 * - `train-{000000..000099}.tar`: a range; its numbers are as wide as the widest end that starts with a zero
 * - `{a..e}`, `{0..10..2}`: a range of letters, a range with a step (also downwards)
 * - `{train,val}-{0..3}.tar`, `{a,b{1,2}}`: alternatives, products, nesting
 * - `a.tar::b.tar`: a list
 * - `\{`: a brace that is meant as such; braces without a comma or range are left as they are
 *
 * Unlike bash it takes no variables, no globs and no commands.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_SPEC` when braces do not match, or the result is longer than 2 million
 */
export function expandShards(spec: string | readonly string[]): string[] {
  const shards: string[] = [];
  for (const part of typeof spec === 'string' ? [spec] : spec) {
    for (const pattern of splitList(part)) {
      for (const shard of expand(pattern, part)) {
        if (shards.push(shard) > MAX_SHARDS)
          throw new WebDatasetError('WDS_BAD_SPEC', `"${part}" expands to more than ${MAX_SHARDS} shards`);
      }
    }
  }
  return shards;
}

/** The parts of a `::` list. The colons of an IPv6 address in brackets separate nothing. */
export function splitList(spec: string): string[] {
  return spec.split(/::(?![^[\]]*\])/).filter((part) => part !== '');
}

/** A piece of a pattern: what stands for one string of several. */
interface Piece {
  readonly values: () => Iterable<string>;
}

function* expand(pattern: string, spec: string): Generator<string, void, undefined> {
  const parser = new PatternParser(pattern, spec);
  yield* product(parser.sequence(false));
}

/** All ways to choose a value of each piece; the last piece changes fastest. */
function* product(pieces: readonly Piece[], from = 0): Generator<string, void, undefined> {
  const piece = pieces[from];
  if (piece === undefined) {
    yield '';
    return;
  }
  for (const value of piece.values()) for (const rest of product(pieces, from + 1)) yield value + rest;
}

/** Recursive descent over a pattern. */
class PatternParser {
  readonly #pattern: string;
  readonly #spec: string;
  #at = 0;

  constructor(pattern: string, spec: string) {
    this.#pattern = pattern;
    this.#spec = spec;
  }

  /** Pieces up to the end of the pattern or, in braces, up to the next comma or closing brace of this level. */
  sequence(inBraces: boolean): Piece[] {
    const pieces: Piece[] = [];
    for (;;) {
      const char = this.#pattern[this.#at];
      if (char === undefined || (inBraces && (char === ',' || char === '}'))) return pieces;
      if (char === '}') throw this.#fault('has a "}" without a "{"');
      if (char === '{') pieces.push(...this.#braces());
      else pieces.push(literal(this.#literal(inBraces)));
    }
  }

  #literal(inBraces: boolean): string {
    let text = '';
    for (; this.#at < this.#pattern.length; this.#at++) {
      const char = this.#pattern[this.#at] ?? '';
      if (char === '{' || char === '}' || (inBraces && char === ',')) break;
      if (char === '\\') this.#at++;
      text += char === '\\' ? (this.#pattern[this.#at] ?? '') : char;
    }
    return text;
  }

  #braces(): Piece[] {
    const start = ++this.#at;
    const alternatives: Piece[][] = [];
    for (;;) {
      alternatives.push(this.sequence(true));
      const char = this.#pattern[this.#at++];
      if (char === undefined) throw this.#fault('has a "{" without a "}"');
      if (char === '}') break;
    }
    if (alternatives.length > 1) return [{ values: () => alternatives.values().flatMap((pieces) => product(pieces)) }];
    const range = parseRange(this.#pattern.slice(start, this.#at - 1));
    return range === undefined ? [literal('{'), ...(alternatives[0] ?? []), literal('}')] : [range];
  }

  #fault(reason: string): WebDatasetError {
    return new WebDatasetError(
      'WDS_BAD_SPEC',
      `the shard specification "${this.#spec}" ${reason}; write \\{ or \\} for the character itself`,
    );
  }
}

function literal(text: string): Piece {
  return { values: () => [text] };
}

const NUMBERS = /^(?<first>-?\d+)\.\.(?<last>-?\d+)(?:\.\.(?<step>-?\d+))?$/;
const LETTERS = /^(?<first>[A-Za-z])\.\.(?<last>[A-Za-z])(?:\.\.(?<step>-?\d+))?$/;
const HAS_LEADING_ZERO = /^-?0\d/;

function parseRange(text: string): Piece | undefined {
  const letters = LETTERS.exec(text)?.groups;
  if (letters !== undefined) {
    const { first = '', last = '', step = '1' } = letters;
    return { values: () => steps(first.charCodeAt(0), last.charCodeAt(0), Number(step)).map((code) => String.fromCharCode(code)) };
  }
  const { first = '', last = '', step = '1' } = NUMBERS.exec(text)?.groups ?? {};
  if (first === '' || ![first, last, step].every((number) => Number.isSafeInteger(Number(number)))) return undefined;
  const width = HAS_LEADING_ZERO.test(first) || HAS_LEADING_ZERO.test(last) ? Math.max(first.length, last.length) : 0;
  return { values: () => steps(Number(first), Number(last), Number(step)).map((number) => padded(number, width)) };
}

function* steps(first: number, last: number, step: number): Generator<number, void, undefined> {
  const stride = Math.abs(step) || 1;
  if (first <= last) for (let value = first; value <= last; value += stride) yield value;
  else for (let value = first; value >= last; value -= stride) yield value;
}

/** Zeros between sign and digits, to a width that counts the sign. */
function padded(value: number, width: number): string {
  return value < 0 ? `-${String(-value).padStart(width - 1, '0')}` : String(value).padStart(width, '0');
}

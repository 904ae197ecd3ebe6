import { Allocations } from './allocations.ts';
import { check, type Outcome, read, Violation } from './check.ts';
import { corpus } from './corpus.ts';
import { mutate, type Mutant } from './mutate.ts';
import { Random } from './random.ts';

/** Which archives to make: those with the numbers from `first` to `end`, of one seed. The same numbers give the same archives. */
export interface FuzzRange {
  readonly seed: number;
  readonly first: number;
  readonly end: number;
}

/** How many ended how. */
export interface Tally {
  /** Archives read to their end. */
  accepted: number;
  /** Archives refused, by error code. */
  readonly refused: Record<string, number>;
  /** Archives in which nothing that matters was broken, and which had to give what the unbroken one gives. */
  harmless: number;
}

/** An archive that was read wrongly. */
export interface FuzzFailure {
  readonly number: number;
  /** What was done to it, and what is wrong. */
  readonly message: string;
}

/** An archive that was read to its end. */
export interface Accepted {
  readonly number: number;
  readonly mutant: Mutant;
  readonly outcome: Outcome;
}

/** What a caller may want to know while archives are read. */
export interface FuzzHooks {
  /** Is given the number of an archive before anything is done with it. */
  readonly onStart?: (number: number) => void;
  /** Is given those that were read to their end, for other judges. */
  readonly onAccepted?: (accepted: Accepted) => void;
}

/** Breaks archives and reads them, one after the other, until one is read wrongly. */
export async function fuzz(
  { seed, first, end }: FuzzRange,
  { onStart, onAccepted }: FuzzHooks = {},
): Promise<{ tally: Tally; failure: FuzzFailure | undefined }> {
  using allocations = new Allocations();
  const archives = corpus();
  const originals = new Map<string, Outcome>();
  for (const archive of archives) originals.set(archive.name, await read(archive.bytes));
  const tally: Tally = { accepted: 0, refused: {}, harmless: 0 };
  for (let number = first; number < end; number++) {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
    const archive = random.pick(archives);
    const mutant = mutate(archive, random.pick(archives), random);
    const original = originals.get(archive.name);
    onStart?.(number);
    try {
      if (original?.error !== undefined) throw new Violation(`the sound archive "${archive.name}" is refused`, { cause: original.error });
      const outcome = await check(mutant, original ?? { members: [], error: undefined }, random, allocations);
      if (mutant.isHarmless) tally.harmless++;
      if (outcome.error === undefined) {
        tally.accepted++;
        onAccepted?.({ number, mutant, outcome });
      } else tally.refused[outcome.error.code] = (tally.refused[outcome.error.code] ?? 0) + 1;
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const cause = error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : '';
      const message = `"${archive.name}": ${mutant.done.join('; ')}\n${reason}${cause}`;
      return { tally, failure: { number, message } };
    }
  }
  return { tally, failure: undefined };
}

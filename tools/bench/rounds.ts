/** One side of a comparison: measures once and returns a rate, or a time where the question is about one. */
export interface Contender {
  readonly name: string;
  measure(): Promise<number>;
}

/** What was measured of one contender. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  readonly median: number;
}

/** Rounds that count. Single measurements on a small machine differ by a fifth; the median of eleven is good to a few per cent. */
export const ROUNDS = 11;

/**
 * Measures all contenders side by side: one warm-up round that does not count, then {@link ROUNDS} rounds in each of which every
 * contender has its turn, in an order that rotates so that none always follows the same neighbour.
 */
export async function compare(
  contenders: readonly Contender[],
  onValue: (name: string, round: number, value: number) => void,
): Promise<Series[]> {
  const values = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(turn + round) % contenders.length];
      if (contender === undefined) continue;
      const value = await contender.measure();
      onValue(contender.name, round, value);
      if (round > 0) values.get(contender.name)?.push(value);
    }
  }
  return contenders.map(({ name }) => {
    const measured = values.get(name) ?? [];
    return { name, values: measured, median: median(measured) };
  });
}

/**
 * How the measured series stands to the reference: the median of the ratios within each round, because what is measured side by side
 * shares the mood of the machine.
 */
export function ratioOf(measured: Series, reference: Series): number {
  return median(measured.values.map((value, round) => value / (reference.values[round] ?? Number.NaN)));
}

/** The middle value; the mean of the middle two for an even count. `NaN` for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

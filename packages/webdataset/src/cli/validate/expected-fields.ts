import { IMAGE_FIELDS, LABEL_FIELDS } from '../../fields.ts';
import type { Fault } from './fault.ts';

/** What is looked at of a sample. */
export interface SampleFields {
  readonly shard: string;
  readonly offset: number;
  readonly key: string;
  readonly fields: readonly string[];
}

/** Samples by which it is judged what all should have: enough to be sure, few enough to be kept. */
const JUDGED_SAMPLES = 1000;

/** Extensions of which a sample has one: which one does not matter. */
const ALIKE = [
  { name: 'image', fields: IMAGE_FIELDS as readonly string[] },
  { name: 'label', fields: LABEL_FIELDS as readonly string[] },
];

/**
 * Finds samples that lack a field: one that was asked for or, without that, one that at least half of the first
 * {@link JUDGED_SAMPLES} samples have. Images of several formats count as one field, as do labels.
 */
export class ExpectedFields {
  readonly #isGiven: boolean;
  #expected: ReadonlySet<string> | undefined;
  #judged: SampleFields[] = [];

  constructor(given: readonly string[] | undefined) {
    this.#isGiven = given !== undefined;
    this.#expected = given && new Set(given);
  }

  /** Looks at a sample; yields what is missing in it, or in those before it. */
  *check(sample: SampleFields): Generator<Fault, void, undefined> {
    if (this.#expected !== undefined) {
      yield* this.#missing(sample, this.#expected);
      return;
    }
    this.#judged.push(sample);
    if (this.#judged.length >= JUDGED_SAMPLES) yield* this.finish();
  }

  /** At the end of the data set. */
  *finish(): Generator<Fault, void, undefined> {
    const judged = this.#judged;
    this.#judged = [];
    const expected = (this.#expected ??= this.#judge(judged));
    for (const sample of judged) yield* this.#missing(sample, expected);
  }

  #judge(samples: readonly SampleFields[]): ReadonlySet<string> {
    const counts = new Map<string, number>();
    for (const sample of samples) for (const kind of this.#kindsOf(sample)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return new Set([...counts].filter(([, count]) => 2 * count >= samples.length).map(([kind]) => kind));
  }

  *#missing(sample: SampleFields, expected: ReadonlySet<string>): Generator<Fault, void, undefined> {
    const present = this.#kindsOf(sample);
    for (const kind of expected) {
      if (present.has(kind)) continue;
      const { shard, offset, key, fields } = sample;
      const why = this.#isGiven ? 'which --fields asks for' : 'which most samples have';
      const message = `the sample has no ${describe(kind, this.#isGiven)}, ${why}; it has ${fields.join(', ')}`;
      yield { code: 'WDS_MISSING_FIELD', severity: 'error', shard, offset, key, message };
    }
  }

  #kindsOf({ fields }: SampleFields): ReadonlySet<string> {
    if (this.#isGiven) return new Set(fields);
    return new Set(fields.map((field) => ALIKE.find((alike) => alike.fields.includes(field))?.name ?? field));
  }
}

function describe(kind: string, isGiven: boolean): string {
  const alike = isGiven ? undefined : ALIKE.find(({ name }) => name === kind);
  return alike === undefined ? `field "${kind}"` : `${alike.name} (${alike.fields.join(', ')})`;
}

import type { Fault } from './fault.ts';

/** The first sample with a field, and how many have it. */
interface DottedField {
  readonly key: string;
  readonly offset: number;
  count: number;
}

/**
 * Finds names such as `photo.v2.jpg`, which is field `v2.jpg` of sample `photo` although its maker meant a sample `photo.v2`. Fields with
 * a dot are also made on purpose (`seg.png`); then most samples of a shard have them, and they do not begin with a digit.
 */
export class DottedNames {
  readonly #fields = new Map<string, DottedField>();
  #samples = 0;

  /** Looks at a sample of the shard. */
  add(key: string, offset: number, fields: Iterable<string>): void {
    this.#samples += 1;
    for (const field of fields) {
      if (!field.includes('.')) continue;
      const seen = this.#fields.get(field);
      if (seen === undefined) this.#fields.set(field, { key, offset, count: 1 });
      else seen.count += 1;
    }
  }

  /** One warning at most, at the end of the shard. */
  *finish(shard: string): Generator<Fault, void, undefined> {
    const suspects = [...this.#fields].filter(([field, { count }]) => /^\d/.test(field) || 2 * count < this.#samples);
    const [first] = suspects;
    if (first === undefined) return;
    const [field, { key, offset }] = first;
    const more = suspects.length > 1 ? ` (and ${suspects.length - 1} more such fields in this shard)` : '';
    const message = `"${key}.${field}" is read as field "${field}" of sample "${key}", since a key ends at the first dot of the file name${more}; if that is not meant, pack again without dots in base names`;
    yield { code: 'WDS_DOTTED_NAME', severity: 'warning', shard, offset, key, message };
  }
}

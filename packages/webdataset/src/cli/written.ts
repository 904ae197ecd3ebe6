import type { WrittenShard } from '../shard-writer.ts';
import { formatBytes, formatCount } from './format.ts';

/** Counts the samples and fields that go into shards. */
export class WrittenCount {
  samples = 0;
  bytes = 0;
  readonly #fields = new Map<string, number>();

  add(fields: Iterable<string>, bytes: number): void {
    this.samples += 1;
    this.bytes += bytes;
    for (const field of fields) this.#fields.set(field, (this.#fields.get(field) ?? 0) + 1);
  }

  /** Samples by field, in the order of the names. */
  get fields(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#fields].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}

/** What was written, as `--json` prints it. */
export interface WrittenJson {
  readonly samples: number;
  /** Samples by field. */
  readonly fields: Readonly<Record<string, number>>;
  readonly shards: readonly { readonly path: string; readonly index: string | null; readonly samples: number; readonly size: number }[];
}

/** What was written, for `--json`. */
export function toJson({ samples, fields }: WrittenCount, shards: readonly WrittenShard[]): WrittenJson {
  return {
    samples,
    fields,
    shards: shards.map(({ path, indexPath, samples: count, size }) => ({ path, index: indexPath ?? null, samples: count, size })),
  };
}

/** `1,000 samples (cls 1000, jpg 998) in 10 shards, 34.2 MiB, in out` */
export function describeWritten({ samples, fields, shards }: WrittenJson, directory: string): string {
  const counts = Object.entries(fields).map(([field, count]) => `${field} ${count}`);
  const size = shards.reduce((total, shard) => total + shard.size, 0);
  return `${formatCount(samples, 'sample')} (${counts.join(', ')}) in ${formatCount(shards.length, 'shard')}, ${formatBytes(size)}, in ${directory}`;
}

import { describeShard } from '../source/describe-shard.ts';
import { formatBytes, formatCount, formatTable, word } from './format.ts';
import { startProgress } from './progress.ts';
import type { CommandContext } from './run.ts';
import { forEachShard, samplesWithDataOf, totalBytesOf } from './shards.ts';

/** Sizes of one field, in bytes. */
export interface FieldStats {
  readonly count: number;
  readonly bytes: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** What `webdataset stats --json` prints. */
export interface Stats {
  /** Shards that were read to their end; the other numbers are of these. */
  readonly shards: number;
  readonly samples: number;
  /** Length of the shards as they are stored. */
  readonly bytes: number;
  readonly fields: Readonly<Record<string, FieldStats>>;
  /** How often each label comes, in the order of the labels. */
  readonly classes: Readonly<Record<string, number>>;
}

/** Other labels (`id`, `index`) tell samples apart, not classes. */
const CLASS_FIELD = 'cls';

/** Longer ones are no labels, but files that were given this extension. */
const MAX_LABEL_BYTES = 64;

/** More would push the rest off the screen; `--json` has all. */
const CLASSES_SHOWN = 20;

/** Counts while it reads. */
export class StatsCounter {
  #shards = 0;
  #samples = 0;
  #bytes = 0;
  readonly #fields = new Map<string, { count: number; bytes: number; min: number; max: number }>();
  readonly #classes = new Map<string, number>();

  /** Counts a shard; one that turns out to be damaged is not counted at all. */
  async countShard(shard: string, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
    const counter = new StatsCounter();
    counter.#bytes = (await describeShard(shard, { signal })).size;
    for await (const { fields } of samplesWithDataOf(shard, signal)) {
      counter.#samples += 1;
      for (const [name, { member }] of fields) {
        counter.#countField(name, 1, member.size, member.size, member.size);
        onBytes(member.offset + member.size);
      }
      const label = fields.get(CLASS_FIELD);
      if (label !== undefined && label.data.length <= MAX_LABEL_BYTES) counter.#countClass(label.data.toString().trim(), 1);
    }
    this.#add(counter);
  }

  /** The numbers. */
  toJSON(): Stats {
    const fields = [...this.#fields].sort(([one], [other]) => (one < other ? -1 : 1));
    const classes = [...this.#classes].sort(([one], [other]) => compareLabels(one, other));
    return {
      shards: this.#shards,
      samples: this.#samples,
      bytes: this.#bytes,
      fields: Object.fromEntries(
        fields.map(([name, { count, bytes, min, max }]) => [name, { count, bytes, min, mean: Math.round((bytes / count) * 10) / 10, max }]),
      ),
      classes: Object.fromEntries(classes),
    };
  }

  #add(other: StatsCounter): void {
    this.#shards += 1;
    this.#samples += other.#samples;
    this.#bytes += other.#bytes;
    for (const [name, { count, bytes, min, max }] of other.#fields) this.#countField(name, count, bytes, min, max);
    for (const [label, count] of other.#classes) this.#countClass(label, count);
  }

  #countField(name: string, count: number, bytes: number, min: number, max: number): void {
    const field = this.#fields.get(name);
    if (field === undefined) {
      this.#fields.set(name, { count, bytes, min, max });
      return;
    }
    field.count += count;
    field.bytes += bytes;
    field.min = Math.min(field.min, min);
    field.max = Math.max(field.max, max);
  }

  #countClass(label: string, count: number): void {
    this.#classes.set(label, (this.#classes.get(label) ?? 0) + count);
  }
}

/** Counts the samples of shards; shards at fault are complained about and left out. */
export async function countSamples(
  shards: readonly string[],
  jobs: number,
  context: CommandContext,
  print: (stats: Stats) => Promise<void>,
): Promise<void> {
  const counter = new StatsCounter();
  const totalBytes = await totalBytesOf(shards);
  let done = 0;
  try {
    using progress = await startProgress('reading', 'shards');
    let bytes = 0;
    const complain = (error: unknown): void => {
      progress.hide();
      context.complain(error);
    };
    await forEachShard(
      shards,
      { signal: context.signal, complain },
      async (shard) => {
        let seen = 0;
        await counter.countShard(shard, context.signal, (end) => {
          bytes += end - seen;
          seen = end;
          progress.update({ done, total: shards.length, bytes, totalBytes });
        });
        done += 1;
      },
      jobs,
    );
  } finally {
    if (!context.signal.aborted) await print(counter.toJSON());
  }
}

/** The numbers as a table. */
export function describeStats({ shards, samples, bytes, fields, classes }: Stats): string {
  const rows = Object.entries(fields).map(([name, { count, min, mean, max, bytes: total }]) => [
    word(name),
    count,
    ...[min, mean, max, total].map((value) => formatBytes(value)),
  ]);
  const labels = Object.entries(classes);
  const shown = labels.slice(0, CLASSES_SHOWN).map(([label, count]) => [word(label), count]);
  return [
    `${formatCount(shards, 'shard')}, ${formatCount(samples, 'sample')}, ${formatBytes(bytes)}\n`,
    rows.length === 0 ? '' : `\n${formatTable([['field', 'count', 'min', 'mean', 'max', 'total'], ...rows])}`,
    shown.length === 0 ? '' : `\n${formatTable([['class', 'count'], ...shown])}`,
    labels.length > CLASSES_SHOWN ? `… and ${labels.length - CLASSES_SHOWN} more; --json lists all\n` : '',
  ].join('');
}

/** Numbers in their order, before all other labels. */
function compareLabels(one: string, other: string): number {
  const [first, second] = [Number(one), Number(other)];
  if (first !== second && !Number.isNaN(first) && !Number.isNaN(second)) return first - second;
  if (Number.isNaN(first) !== Number.isNaN(second)) return Number.isNaN(first) ? 1 : -1;
  return one < other ? -1 : one > other ? 1 : 0;
}

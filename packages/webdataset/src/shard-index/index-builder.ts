import { SampleGrouper, type SplitName, splitMemberName } from '../sample.ts';
import type { TarMember } from '../tar/member.ts';
import type { DuplicateField, IndexedField, IndexedSample, ShardIndex } from './shard-index.ts';

/** A member on its way through the grouper. */
interface Entry {
  readonly member: TarMember;
  readonly field: string;
}

/** Makes an index out of the members of a shard, given in archive order, by the same grouping as everything else. */
export class IndexBuilder {
  readonly #splitName: SplitName;
  readonly #grouper: SampleGrouper<Entry>;
  readonly #samples: IndexedSample[] = [];
  /** All members of the open sample, those that repeat an extension included. */
  #open: Entry[] = [];

  /** @param shard name of the shard, for messages */
  constructor(shard: string, splitName: SplitName = splitMemberName) {
    this.#splitName = splitName;
    this.#grouper = new SampleGrouper(shard, splitName);
  }

  push(member: TarMember): void {
    const field = member.type === 'file' ? this.#splitName(member.name)?.field : undefined;
    if (field === undefined) return;
    const entry = { member, field };
    const complete = this.#grouper.push(entry);
    if (complete !== undefined) this.#add(complete.key, complete.fields);
    this.#open.push(entry);
  }

  /** The index, once there are no further members. */
  finish(): ShardIndex {
    const last = this.#grouper.finish();
    if (last !== undefined) this.#add(last.key, last.fields);
    return { samples: this.#samples };
  }

  #add(key: string, fields: ReadonlyMap<string, Entry>): void {
    const duplicates = this.#open
      .filter((entry) => fields.get(entry.field) !== entry)
      .map(({ field, member }): DuplicateField => ({ field, ...toField(member) }));
    this.#open = [];
    this.#samples.push({
      key,
      fields: new Map([...fields].map(([field, { member }]) => [field, toField(member)])),
      ...(duplicates.length === 0 ? {} : { duplicates }),
    });
  }
}

function toField({ offset, size, name }: TarMember): IndexedField {
  return { offset, size, name };
}

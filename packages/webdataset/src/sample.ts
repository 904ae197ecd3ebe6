/**
 * Which members of a shard make up which sample: the rules of Python webdataset 1.0.2 (`base_plus_ext`, `group_by_keys` and
 * `tar_file_iterator` in its tariterators.py).
 *
 * - The key is the directory and the base name up to its first dot; the field is all after that dot, in lower case:
 *   `train/0001.seg.PNG` is field `seg.png` of sample `train/0001`.
 * - Only adjacent members with the same key are one sample. The end of a shard closes it.
 * - Skipped are members that are no files, names without a dot, hidden files, and what lies below (or is) a top-level name like
 *   `__meta__`.
 * - A field that a sample has already is an error.
 *
 * One difference: Python makes a hidden file in a directory (`a/.hidden.jpg`) a sample named `a/`; here it is skipped, as
 * `wds2idx` does.
 *
 * What a name says is a {@link SplitName}; the first rule is the default one. All else holds for every rule. Whatever groups
 * members (index, loader, reader, command) does it with {@link SampleGrouper}, so that they can never disagree.
 */
import { WebDatasetError } from './errors.ts';
import type { TarMember } from './tar/member.ts';

/** A member name, taken apart. */
export interface FieldName {
  readonly key: string;
  /** Extension in lower case, without its leading dot. */
  readonly field: string;
}

/**
 * Takes the name of a member apart. Undefined for a member that belongs to no sample.
 *
 * It must depend on the name alone, and give the same answer every time: orders, indexes and states to resume from rely on it.
 */
export type SplitName = (memberName: string) => FieldName | undefined;

/** The members of one sample. */
export interface SampleGroup<Member> {
  readonly key: string;
  /** By field, in the order of the archive. */
  readonly fields: ReadonlyMap<string, Member>;
}

const META = /^__[^/]*__($|\/)/;

/** The rule of Python webdataset (a {@link SplitName}): the key ends at the first dot of the base name, the field is the rest in lower case. */
export function splitMemberName(name: string): FieldName | undefined {
  const base = name.lastIndexOf('/') + 1;
  const dot = name.indexOf('.', base);
  if (dot <= base || META.test(name)) return undefined;
  return { key: name.slice(0, dot), field: name.slice(dot + 1).toLowerCase() };
}

/** Groups the members of one shard, given in archive order, into samples. */
export class SampleGrouper<Member extends { readonly member: TarMember }> {
  readonly #shard: string;
  readonly #splitName: SplitName;
  #key: string | undefined;
  #fields = new Map<string, Member>();
  #duplicate: { readonly field: string; readonly member: TarMember } | undefined;

  /**
   * @param shard name of the shard, for messages
   * @param splitName which members make up which sample. Default: the rule of Python webdataset
   */
  constructor(shard: string, splitName: SplitName = splitMemberName) {
    this.#shard = shard;
    this.#splitName = splitName;
  }

  /** The first member of the sample that is not complete yet. */
  get openMember(): TarMember | undefined {
    return this.#fields.values().next().value?.member;
  }

  /** Takes the next member in; returns the sample before it, if it began a new one. */
  push(entry: Member): CompleteSample<Member> | undefined {
    const { member } = entry;
    const name = member.type === 'file' ? this.#splitName(member.name) : undefined;
    if (name === undefined) return undefined;
    const complete = name.key === this.#key ? undefined : this.finish();
    this.#key = name.key;
    if (this.#fields.has(name.field)) this.#duplicate ??= { field: name.field, member };
    else this.#fields.set(name.field, entry);
    return complete;
  }

  /** Closes the open sample, at the end of the shard; undefined when there is none. */
  finish(): CompleteSample<Member> | undefined {
    const sample = this.#key === undefined ? undefined : { key: this.#key, fields: this.#fields, fault: this.#fault(this.#key) };
    this.reset();
    return sample;
  }

  /** Forgets the open sample, to scan it again. */
  reset(): void {
    this.#key = undefined;
    this.#fields = new Map();
    this.#duplicate = undefined;
  }

  #fault(key: string): WebDatasetError | undefined {
    if (this.#duplicate === undefined) return undefined;
    const { field, member } = this.#duplicate;
    return new WebDatasetError('WDS_DUPLICATE_FIELD', `the sample has two members with the extension "${field}"`, {
      shard: this.#shard,
      key,
      offset: member.headerOffset,
    });
  }
}

/** A sample whose last member was seen. */
export interface CompleteSample<Member> extends SampleGroup<Member> {
  /** Set when the sample breaks a rule (`WDS_DUPLICATE_FIELD`); its fields are then the first ones. */
  readonly fault: WebDatasetError | undefined;
}

/**
 * Groups the members of one shard into samples.
 *
 * @param entries members in archive order, as `readTar` gives them
 * @param shard name of the shard, for messages
 * @param splitName which members make up which sample. Default: the rule of Python webdataset
 * @throws {@link WebDatasetError} `WDS_DUPLICATE_FIELD`
 */
export async function* groupSamples<Member extends { readonly member: TarMember }>(
  entries: AsyncIterable<Member> | Iterable<Member>,
  shard: string,
  splitName: SplitName = splitMemberName,
): AsyncGenerator<SampleGroup<Member>, void, undefined> {
  const grouper = new SampleGrouper<Member>(shard, splitName);
  for await (const entry of entries) {
    const sample = grouper.push(entry);
    if (sample !== undefined) yield checked(sample);
  }
  const last = grouper.finish();
  if (last !== undefined) yield checked(last);
}

function checked<Member>(sample: CompleteSample<Member>): SampleGroup<Member> {
  if (sample.fault !== undefined) throw sample.fault;
  return sample;
}

import { reasonOf, WebDatasetError } from '../../errors.ts';
import { SampleGrouper } from '../../sample.ts';
import { IndexBuilder } from '../../shard-index/index-builder.ts';
import { indexPathOf } from '../../shard-index/index-path.ts';
import type { ShardIndex } from '../../shard-index/shard-index.ts';
import { isUrl } from '../../source/shard-input.ts';
import { readTar, type TarEntry } from '../../tar/reader.ts';
import type { CompleteSample } from '../../sample.ts';
import { differenceOf } from '../index/index-difference.ts';
import { readIndexBeside } from '../index/index-beside.ts';
import { DottedNames } from './dotted-names.ts';
import { ExpectedFields } from './expected-fields.ts';
import { type Fault, faultOf } from './fault.ts';
import type { FieldChecker } from './field-checker.ts';
import { KeyRegistry } from './key-registry.ts';

/** How much was looked at. */
export interface Validated {
  readonly samples: number;
  /** Bytes of the shard up to the end of the last sample. */
  readonly bytes: number;
}

/** Looks for everything that can be wrong with a data set, one shard after the other, in one pass over each. */
export class Validator {
  readonly #shards: readonly string[];
  readonly #fields: FieldChecker;
  readonly #expected: ExpectedFields;
  readonly #keys = new KeyRegistry();

  /** @param requiredFields what every sample must have; undefined finds out what most have */
  constructor(shards: readonly string[], fields: FieldChecker, requiredFields: readonly string[] | undefined) {
    this.#shards = shards;
    this.#fields = fields;
    this.#expected = new ExpectedFields(requiredFields);
  }

  /**
   * The faults of one shard. One that stops a reader ends the pass over it.
   *
   * @param number its place in the list that the constructor was given; call with 0, 1, 2 …
   * @param onSample told after each sample how far the pass is
   */
  async *validateShard(number: number, signal: AbortSignal, onSample: (so: Validated) => void): AsyncGenerator<Fault, void, undefined> {
    const shard = this.#shards[number] ?? '';
    const dotted = new DottedNames();
    const index = new IndexBuilder(shard);
    let samples = 0;
    let members = 0;
    let bytes = 0;
    try {
      const grouper = new SampleGrouper<TarEntry>(shard);
      const complete = async function* (): AsyncGenerator<CompleteSample<TarEntry>, void, undefined> {
        for await (const entry of readTar(shard, { signal })) {
          members += 1;
          index.push(entry.member);
          const sample = grouper.push(entry);
          if (sample !== undefined) yield sample;
        }
        const last = grouper.finish();
        if (last !== undefined) yield last;
      };
      for await (const sample of complete()) {
        signal.throwIfAborted();
        samples += 1;
        for (const { member } of sample.fields.values()) bytes = Math.max(bytes, member.offset + member.size);
        yield* this.#validateSample(sample, shard, number, dotted);
        onSample({ samples, bytes });
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebDatasetError)) throw error;
      yield faultOf(error, shard);
      return;
    }
    if (samples === 0) yield emptyShard(shard, members);
    yield* dotted.finish(shard);
    yield* validateIndex(shard, index.finish(), signal);
  }

  /** What only shows when all shards were seen. */
  finish(): Generator<Fault, void, undefined> {
    return this.#expected.finish();
  }

  async *#validateSample(
    { key, fields, fault }: CompleteSample<TarEntry>,
    shard: string,
    number: number,
    dotted: DottedNames,
  ): AsyncGenerator<Fault, void, undefined> {
    const offset = fields.values().next().value?.member.headerOffset ?? 0;
    if (fault !== undefined) yield faultOf(fault, shard);
    const before = this.#keys.add(key, number);
    if (before !== undefined) {
      const message =
        before === number
          ? 'the key comes a second time in this shard: the members of a sample must follow each other, and keys must be unique'
          : `the key is in ${this.#shards[before] ?? ''} too; keys must be unique in a data set`;
      yield { code: 'WDS_DUPLICATE_KEY', severity: 'error', shard, offset, key, message };
    }
    yield* this.#expected.check({ shard, offset, key, fields: [...fields.keys()] });
    dotted.add(key, offset, fields.keys());
    for (const [field, { data, member }] of fields) {
      const wrong = await this.#fields.check(field, data, { shard, key, offset: member.headerOffset });
      if (wrong !== undefined) yield wrong;
    }
  }
}

function emptyShard(shard: string, members: number): Fault {
  const message =
    members === 0
      ? 'the shard is empty'
      : `none of the ${members} members of the shard is part of a sample; their names need an extension, such as 0001.jpg`;
  return { code: 'WDS_EMPTY_SHARD', severity: 'error', shard, offset: null, key: null, message };
}

/** The index beside the shard, if there is one. */
async function* validateIndex(shard: string, actual: ShardIndex, signal: AbortSignal): AsyncGenerator<Fault, void, undefined> {
  // A server may take any time to say that there is none, and a compressed shard has none.
  if (isUrl(shard) || !shard.endsWith('.tar')) return;
  const path = indexPathOf(shard);
  const fault = (reason: string): Fault => {
    const message = `its index ${path} ${reason}; "webdataset index --force" makes it anew`;
    return { code: 'WDS_BAD_INDEX', severity: 'error', shard, offset: null, key: null, message };
  };
  try {
    const index = await readIndexBeside(shard, signal);
    const difference = index && differenceOf(index, actual);
    if (difference !== undefined) yield fault(`is not that of the shard: ${difference}`);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WebDatasetError)) throw error;
    yield fault(`cannot be used: ${reasonOf(error.reason)}`);
  }
}

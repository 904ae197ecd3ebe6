import { WebDatasetError } from '../../errors.ts';
import { type CompleteSample, SampleGrouper } from '../../sample.ts';
import { IndexBuilder } from '../../shard-index/index-builder.ts';
import { indexPathOf } from '../../shard-index/index-path.ts';
import type { ShardIndex } from '../../shard-index/shard-index.ts';
import { isUrl } from '../../source/shard-input.ts';
import { readTar, type TarEntry } from '../../tar/reader.ts';
import { readIndexBeside } from '../index/index-beside.ts';
import { differenceOf } from '../index/index-difference.ts';
import { DottedNames } from './dotted-names.ts';
import { ExpectedFields } from './expected-fields.ts';
import { type Fault, faultOf } from './fault.ts';
import type { FieldChecker } from './field-checker.ts';
import { KeyRegistry } from './key-registry.ts';
import { Lookahead } from './lookahead.ts';

/** How far the pass over a shard is. */
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
   * The faults of one shard, in the order of its samples. One that stops a reader ends the pass over it.
   *
   * @param number its place in the list that the constructor was given; call with 0, 1, 2 …
   * @param onSample told after each sample how far the pass is
   */
  async *validateShard(number: number, signal: AbortSignal, onSample: (so: Validated) => void): AsyncGenerator<Fault, void, undefined> {
    const shard = this.#shards[number] ?? '';
    const dotted = new DottedNames();
    const index = new IndexBuilder(shard);
    const ahead = new Lookahead<Fault[]>();
    let samples = 0;
    let members = 0;
    let bytes = 0;
    let stopped: Fault | undefined;
    const grouper = new SampleGrouper<TarEntry>(shard);
    const begin = (sample: CompleteSample<TarEntry> | undefined): void => {
      if (sample === undefined) return;
      let size = 0;
      for (const { member } of sample.fields.values()) {
        bytes = Math.max(bytes, member.offset + member.size);
        size += member.size;
      }
      samples += 1;
      ahead.push(this.#validateSample(sample, number, dotted), size);
      onSample({ samples, bytes });
    };
    try {
      for await (const entry of readTar(shard, { signal })) {
        members += 1;
        index.push(entry.member);
        begin(grouper.push(entry));
        for await (const faults of ahead.takeOverdue()) yield* faults;
        signal.throwIfAborted();
      }
      begin(grouper.finish());
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof WebDatasetError)) throw error;
      stopped = faultOf(error, shard);
    }
    for await (const faults of ahead.takeAll()) yield* faults;
    if (stopped !== undefined) {
      yield stopped;
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

  /** Looks at everything but what images decode to before it returns. */
  async #validateSample({ key, fields, fault }: CompleteSample<TarEntry>, number: number, dotted: DottedNames): Promise<Fault[]> {
    const shard = this.#shards[number] ?? '';
    const offset = fields.values().next().value?.member.headerOffset ?? 0;
    const faults: Fault[] = [];
    if (fault !== undefined) faults.push(faultOf(fault, shard));
    const before = this.#keys.add(key, number);
    if (before !== undefined) {
      const message =
        before === number
          ? 'the key comes a second time in this shard: the members of a sample must follow each other (as tar --sort=name packs them), and keys must be unique'
          : `the key is in ${this.#shards[before] ?? ''} too; keys must be unique in a data set`;
      faults.push({ code: 'WDS_DUPLICATE_KEY', severity: 'error', shard, offset, key, message });
    }
    faults.push(...this.#expected.check({ shard, offset, key, fields: [...fields.keys()] }));
    dotted.add(key, offset, fields.keys());
    const checks = [...fields].map(([field, { data, member }]) =>
      this.#fields.check(field, data, { shard, key, offset: member.headerOffset }),
    );
    for (const wrong of await Promise.all(checks.filter((check) => check !== undefined))) if (wrong !== undefined) faults.push(wrong);
    return faults;
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
    yield fault(`cannot be used: ${error.reason}`);
  }
}

import pLimit from 'p-limit';
import { RecordError } from '../errors.ts';
import type { FileFailure } from '../manifest/manifest.ts';
import { amountsOf, formatAmounts, parseAmounts, type ItemAmounts } from './item-amounts.ts';
import { parseItemResult, type ItemResult } from './item-result.ts';
import type { Outcome, OutcomeSet } from './outcome-set.ts';
import { doneName, failedName, itemOfName, outcomePrefix } from './record-names.ts';
import type { RecordStore } from './record-store.ts';
import { unknownRanges } from './unknown-ranges.ts';

/** Each answer takes some 10 to 50 ms; more at a time would crowd out the workers. */
const REQUESTS_AT_A_TIME = 8;

/** The records of what became of items: the truth about how far a job is. */
export class ItemRecords {
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Keeps that an item has been read; a record that is there stays. The message may be deleted after either answer. */
  writeDone(job: string, item: number, result: ItemResult, signal: AbortSignal): Promise<'written' | 'exists'> {
    return this.#writeNew(doneName(job, item), result, signal);
  }

  /** Keeps that an item was given up; a record that is there stays. */
  writeFailed(job: string, item: number, result: ItemResult, signal: AbortSignal): Promise<'written' | 'exists'> {
    return this.#writeNew(failedName(job, item), result, signal);
  }

  /** What became of an item; an item with both records is done. @returns undefined while it has none. */
  async outcome(job: string, item: number, signal: AbortSignal): Promise<Outcome | undefined> {
    const [isDone, isFailed] = await Promise.all([
      this.#store.exists(doneName(job, item), signal),
      this.#store.exists(failedName(job, item), signal),
    ]);
    return isDone ? 'done' : isFailed ? 'failed' : undefined;
  }

  /**
   * Adds the records that have come since the last scan to `known`. Lists only where items are missing; one scan at a time.
   * @param items of the job; records of others are ignored.
   */
  async scan(job: string, items: number, known: OutcomeSet, signal: AbortSignal): Promise<void> {
    const limit = pLimit(REQUESTS_AT_A_TIME);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const outcomes = ['done', 'failed'] as const;
    const ranges = outcomes.flatMap((outcome) => [...unknownRanges(known, outcome, items)].map((digits) => ({ outcome, digits })));
    const listings = ranges.map(({ outcome, digits }) =>
      limit(() => this.#list(job, items, known, outcome, digits, either)).catch((error: unknown) => failed.abort(error)),
    );
    // All of them, so that none adds to `known` when this has ended.
    await Promise.all(listings);
    failed.signal.throwIfAborted();
  }

  /** The failures in the record of an item that `known` has. */
  async readFailed(job: string, item: number, known: OutcomeSet, signal: AbortSignal): Promise<readonly FileFailure[]> {
    if (!known.isFlawed(item)) return [];
    const { failed } = await this.#read(known.outcome(item) === 'failed' ? failedName(job, item) : doneName(job, item), signal);
    return failed.map(({ path, reason, range }) => ({ path, reason, ...(range === undefined ? {} : { range }) }));
  }

  /** The failures of all items that `known` has, in the order of the items. */
  async *failures(job: string, known: OutcomeSet, signal: AbortSignal): AsyncIterable<FileFailure> {
    let batch: number[] = [];
    for (const item of known.flawed()) {
      batch.push(item);
      if (batch.length < REQUESTS_AT_A_TIME) continue;
      yield* await this.#readAll(job, batch, known, signal);
      batch = [];
    }
    yield* await this.#readAll(job, batch, known, signal);
  }

  async #readAll(job: string, items: readonly number[], known: OutcomeSet, signal: AbortSignal): Promise<FileFailure[]> {
    return (await Promise.all(items.map((item) => this.readFailed(job, item, known, signal)))).flat();
  }

  async #list(job: string, items: number, known: OutcomeSet, outcome: Outcome, digits: string, signal: AbortSignal): Promise<void> {
    for await (const { name, metadata } of this.#store.list(outcomePrefix(outcome, job, digits), signal)) {
      const item = itemOfName(name);
      if (!(item < items) || this.#isNoNews(known, item, outcome)) continue;
      const amounts = parseAmounts(metadata) ?? (await this.#readAmounts(name, signal));
      // The listing of the other outcome may have had it meanwhile.
      if (this.#isNoNews(known, item, outcome)) continue;
      if (known.has(item)) known.becomesDone(item, await this.#readAmounts(failedName(job, item), signal), amounts);
      else known.add(outcome, item, amounts);
    }
  }

  #isNoNews(known: OutcomeSet, item: number, outcome: Outcome): boolean {
    const before = known.outcome(item);
    return before === 'done' || before === outcome;
  }

  async #readAmounts(name: string, signal: AbortSignal): Promise<ItemAmounts> {
    return amountsOf(await this.#read(name, signal));
  }

  async #read(name: string, signal: AbortSignal): Promise<ItemResult> {
    const record = await this.#store.read(name, {}, signal);
    if (record === undefined) throw new RecordError('RECORD_MISSING', `record ${name} of ${this.#store.name} was there, and is gone`);
    return parseItemResult(record.body);
  }

  async #writeNew(name: string, result: ItemResult, signal: AbortSignal): Promise<'written' | 'exists'> {
    try {
      await this.#store.write(name, JSON.stringify(result), { ifAbsent: true, metadata: formatAmounts(amountsOf(result)) }, signal);
      return 'written';
    } catch (error) {
      if (error instanceof RecordError && error.code === 'RECORD_EXISTS') return 'exists';
      throw error;
    }
  }
}

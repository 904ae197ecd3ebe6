import type { OnEvent } from '../events.ts';
import type { TargetSource } from '../job/target-sources.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import type { WorkMessage } from '../manifest/work-message.ts';
import type { Addresses } from './addresses.ts';
import { faultOf, isOfTheFile, type FileFault } from './file-fault.ts';
import { advance, dropPartial, remainingFiles, skipFailed, type FileUnderWay } from './item-position.ts';
import { addressesOf, fileToRead, lengthOf, type ItemSource } from './item-source.ts';
import type { FileToRead, ReadEnd, ReadFault } from './read-task.ts';
import type { Reader } from './reader.ts';

/** What the reading of an item needs. */
export interface ItemReadingParts {
  readonly reader: Reader;
  readonly addresses: Addresses;
  readonly onEvent: OnEvent;
}

/** One file of the next task of the thread. */
interface Choice extends FileUnderWay {
  readonly index: number;
  readonly file: ManifestFile;
  readonly source: TargetSource;
}

/** Reads the files of an item in order, each through its own address or, where that fails, through another one. */
export class ItemReading {
  readonly #parts: ItemReadingParts;
  readonly #source: ItemSource;
  #message: WorkMessage;
  /** What the thread reads now. */
  #underWay: readonly Choice[] = [];
  /** Addresses that could not be mounted, and why; they are not tried again for this item. */
  readonly #unmountable = new Map<number, string>();
  /** Addresses through which the next file could not be read. */
  #tried = new Map<number, ReadFault>();
  /** Why files failed, by their index. */
  readonly faults = new Map<number, FileFault>();

  constructor(parts: ItemReadingParts, source: ItemSource, message: WorkMessage) {
    this.#parts = parts;
    this.#source = source;
    this.#message = message;
  }

  /** The message of the item as it is at this moment. */
  get message(): WorkMessage {
    if (this.#underWay.length === 0) return this.#message;
    return advance(this.#message, this.#underWay, this.#parts.reader.position);
  }

  /** Of the item's files. */
  get count(): number {
    return this.#source.item.files.length;
  }

  /** Reads what is left. Then all files have been read or are in `faults`. At an abort it rejects when the thread has stopped. */
  async run(signal: AbortSignal): Promise<void> {
    for (let left = this.#left(); left.length > 0; left = this.#left()) {
      signal.throwIfAborted();
      const choices = this.#choose(left);
      if (choices.length === 0) this.#giveUpNext(left);
      else await this.#read(choices, signal);
    }
  }

  #left(): number[] {
    return remainingFiles(this.#message, this.count);
  }

  /** The next files for which there are addresses left. */
  #choose(left: readonly number[]): Choice[] {
    const choices: Choice[] = [];
    for (const [turn, index] of left.entries()) {
      const { item, sources } = this.#source;
      const address = this.#chooseAddress(index, turn === 0);
      const source = address === undefined ? undefined : sources[address];
      if (address === undefined || source === undefined) break;
      const file = item.files[index];
      if (file === undefined) throw new Error(`the message names file ${index} of an item that has ${item.files.length}`);
      const before = turn === 0 && address === this.#message.through ? this.#message.offset : 0;
      const files = item.range === undefined || item.range.start === 0 ? 1 : 0;
      choices.push({ index, file, source, address, before, length: lengthOf(item, file), files });
    }
    return choices;
  }

  #chooseAddress(index: number, isNext: boolean): number | undefined {
    const { addresses } = this.#parts;
    const { sources } = this.#source;
    const untried = addressesOf(this.#source, index).filter(
      (address) => !this.#unmountable.has(address) && !(isNext && this.#tried.has(address)),
    );
    const good = untried.filter((address) => sources[address] !== undefined && !addresses.isPassedOver(sources[address].source));
    const { through } = this.#message;
    // What is read of a file counts only when all of it is read through one address.
    if (isNext && through !== undefined && good.includes(through)) return through;
    return good[0] ?? untried[0];
  }

  async #read(choices: readonly Choice[], signal: AbortSignal): Promise<void> {
    const mounts = await this.#mount(choices, signal);
    if (mounts === undefined) return;
    if (this.#message.through !== choices[0]?.address) this.#message = dropPartial(this.#message);
    const files = choices.map(({ file, source, address, before }): FileToRead =>
      fileToRead(this.#source.item, file, mounts.get(address) ?? '', source.path, before),
    );
    const end = await this.#readTask(choices, files, signal);
    this.#tellRead(choices.slice(0, end.file));
    if (end.file > 0) this.#tried = new Map();
    const failed = choices[end.file];
    if (end.fault !== undefined && failed !== undefined) this.#fail(failed, end.fault);
  }

  async #readTask(choices: readonly Choice[], files: readonly FileToRead[], signal: AbortSignal): Promise<ReadEnd> {
    const reading = this.#parts.reader.read({ files }, signal);
    this.#underWay = choices;
    try {
      return await reading;
    } finally {
      // Also where the thread failed: what it had read by then has been read.
      this.#message = this.message;
      this.#underWay = [];
    }
  }

  /** @returns undefined when some could not be mounted, so that others are to be chosen. */
  async #mount(choices: readonly Choice[], signal: AbortSignal): Promise<Map<number, string> | undefined> {
    const { addresses, onEvent } = this.#parts;
    const paths = new Map<number, string>();
    const mount = async ({ address, source }: Choice): Promise<void> => {
      try {
        paths.set(address, await addresses.path(source.source, signal));
      } catch (error) {
        signal.throwIfAborted();
        this.#unmountable.set(address, error instanceof Error ? error.message : String(error));
        onEvent({ kind: 'trouble', what: `${source.address} cannot be mounted`, error });
      }
    };
    const wanted = new Map(choices.map((choice) => [choice.address, choice]));
    await Promise.all([...wanted.values()].map(mount));
    return paths.size === wanted.size ? paths : undefined;
  }

  #tellRead(choices: readonly Choice[]): void {
    const amounts = new Map<string, { files: number; bytes: number }>();
    for (const { source, files, length } of choices) {
      this.#parts.addresses.worked(source.source);
      const amount = amounts.get(source.address) ?? { files: 0, bytes: 0 };
      amounts.set(source.address, { files: amount.files + files, bytes: amount.bytes + length });
    }
    for (const [address, amount] of amounts) this.#parts.onEvent({ kind: 'bytes-read', address, ...amount });
  }

  #fail({ index, file, source, address }: Choice, fault: ReadFault): void {
    this.#tried.set(address, fault);
    if (isOfTheFile(fault)) {
      this.#giveUpNext([index]);
      return;
    }
    this.#parts.addresses.failed(source.source);
    this.#message = dropPartial(this.#message);
    const next = this.#chooseAddress(index, true);
    const other = next === undefined ? undefined : this.#source.sources[next];
    if (other === undefined) this.#giveUpNext([index]);
    else
      this.#parts.onEvent({
        kind: 'file-retried',
        path: file.path,
        address: other.address,
        reason: `through ${source.address}: ${fault.reason}`,
      });
  }

  /** No address is left for the next file; when none could even be mounted, that is so for all that are `left`. */
  #giveUpNext(left: readonly number[]): void {
    const name = (address: number): string => this.#source.sources[address]?.address ?? `address ${address}`;
    const faults = new Map([...this.#tried].map(([address, fault]) => [name(address), fault]));
    for (const [address, reason] of this.#unmountable) faults.set(name(address), { code: 'UNMOUNTABLE', reason });
    const fault = faultOf(faults);
    for (const index of this.#tried.size === 0 ? left : left.slice(0, 1)) {
      this.faults.set(index, fault);
      this.#message = skipFailed(this.#message, this.count);
    }
    this.#tried = new Map();
  }
}

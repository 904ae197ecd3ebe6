import { reasonOf, WebDatasetError } from '../errors.ts';
import { type LocatedShard, locate } from '../source/locate.ts';
import type { ShardLocation } from '../source/shard-bytes.ts';
import { type ShardInput, shardName } from '../source/shard-input.ts';
import type { Crew } from '../workers/crew.ts';
import { publishShard } from './shard-events.ts';

/**
 * One use of one shard: from the beginning of its scan (or from the state that named its samples) to its last sample. What the shard
 * needs to be read at random, such as the temporary file of a compressed one, lives exactly as long.
 */
export class ShardUse {
  /** Number of the shard in the list. */
  readonly shard: number;
  readonly name: string;
  /** Stands for this use in requests to the crew. */
  readonly cursor: number;
  /** The reader that has it open. */
  readonly reader: number;
  readonly #uses: ShardUses;
  readonly #input: ShardInput;
  /** Its scan, and its samples that are still to be decoded. */
  #holders = 1;
  #located: Promise<LocatedShard> | undefined;
  #location: ShardLocation | undefined;
  #isOpen = false;

  constructor(uses: ShardUses, shard: number, input: ShardInput, cursor: number, reader: number) {
    this.#uses = uses;
    this.shard = shard;
    this.#input = input;
    this.name = shardName(input);
    this.cursor = cursor;
    this.reader = reader;
  }

  /** How threads read it. Known after {@link locate}. */
  get location(): ShardLocation | undefined {
    return this.#location;
  }

  /** Finds the shard; a custom one is copied to a temporary file. */
  async locate(signal: AbortSignal): Promise<ShardLocation> {
    this.#located ??= locate(this.#input, { signal });
    try {
      const { location } = await this.#located;
      return (this.#location ??= location);
    } catch (error) {
      if (error instanceof WebDatasetError || signal.aborted) throw error;
      throw new WebDatasetError('WDS_READ', `cannot open the shard: ${reasonOf(error)}`, { shard: this.name, cause: error });
    }
  }

  /** Opens the shard of samples that no scan of this epoch has found, so that threads can read it. */
  async open(crew: Crew, signal: AbortSignal): Promise<void> {
    if (this.#isOpen) return;
    const location = await this.locate(signal);
    this.#isOpen = true;
    this.#location = await crew.open(this.reader, this.cursor, location);
  }

  /** Says how other threads read it as long as the use lasts. */
  openAt(location: ShardLocation): void {
    this.#isOpen = true;
    this.#location = location;
  }

  /** More samples are to be decoded. */
  hold(samples: number): void {
    this.#holders += samples;
  }

  /** A sample was decoded or left out, or the scan has ended. */
  release(): void {
    this.#holders--;
    if (this.#holders === 0) this.#uses.end(this);
  }

  /** Closes what is open. */
  async close(crew: Crew): Promise<void> {
    await crew.close(this.reader, this.cursor);
    // What could not be located has nothing to close; its error went to whoever asked.
    await this.#located?.then(
      (located) => located[Symbol.asyncDispose](),
      () => undefined,
    );
  }
}

/** The shards in use in an epoch. */
export class ShardUses implements AsyncDisposable {
  readonly #inputs: readonly ShardInput[];
  readonly #crew: Crew;
  readonly #epoch: number;
  readonly #live = new Set<ShardUse>();
  readonly #closing = new Set<Promise<void>>();
  #next: number;

  /** @param firstCursor a number above all that the crew was ever asked with */
  constructor(inputs: readonly ShardInput[], crew: Crew, epoch: number, firstCursor: number) {
    this.#inputs = inputs;
    this.#crew = crew;
    this.#epoch = epoch;
    this.#next = firstCursor;
  }

  /** A number above all cursors of this epoch. */
  get nextCursor(): number {
    return this.#next;
  }

  /** Begins the use of a shard by a reader; without one, by any. */
  begin(shard: number, reader?: number): ShardUse {
    const input = this.#inputs[shard];
    if (input === undefined) throw new RangeError(`There is no shard ${shard}.`);
    const cursor = this.#next++;
    const use = new ShardUse(this, shard, input, cursor, reader ?? cursor % this.#crew.readers);
    this.#live.add(use);
    publishShard({ kind: 'start', shard: use.name, epoch: this.#epoch });
    return use;
  }

  /** The last sample of a shard is done. */
  end(use: ShardUse): void {
    if (!this.#live.delete(use)) return;
    publishShard({ kind: 'end', shard: use.name, epoch: this.#epoch });
    const closing = use.close(this.#crew);
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }

  /** Ends all uses. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const use of this.#live) this.end(use);
    await Promise.all(this.#closing);
  }
}

import { performance } from 'node:perf_hooks';
import { WebDatasetError } from '../errors.ts';
import { firstField } from '../fields.ts';
import type { WantedField } from '../loader/slot-layout.ts';
import { type CompleteSample, SampleGrouper, type SplitName } from '../sample.ts';
import type { ShardBytes } from '../source/shard-bytes.ts';
import { blocks } from '../tar/header.ts';
import { type ScannedMember, TarScanner } from '../tar/scanner.ts';
import { type ErrorRecord, toErrorRecord } from './error-record.ts';
import { MEMBER_WORDS, NO_WINDOW, NONE, type ScanRange, type ScanReply } from './protocol.ts';

/** A member and the window that holds its data. */
interface WindowMember extends ScannedMember {
  /** The data is in memory only while this is the window being scanned. */
  readonly window: number;
}

/** A sample, and where a pass over those behind it may start. */
interface FoundSample {
  readonly sample: CompleteSample<WindowMember>;
  readonly next: number;
}

/**
 * One pass over one shard, or a part of it: reads it in windows, front to back, and finds where the fields of each sample lie.
 *
 * Every window starts with the first member of a sample, so that a sample lies wholly in one window whenever it fits: the sample
 * that is open at a window's end is scanned again as the first of the next one.
 */
export class ShardScan {
  readonly #bytes: ShardBytes;
  readonly #range: ScanRange;
  readonly #fields: readonly WantedField[];
  readonly #scanner: TarScanner;
  readonly #grouper: SampleGrouper<WindowMember>;
  #window = 0;
  /** Number of the next sample. */
  #sample: number;
  /** End of the open sample's last member. */
  #end = 0;

  /** @param bytes the caller's to close */
  constructor(bytes: ShardBytes, range: ScanRange, fields: readonly WantedField[], splitName: SplitName) {
    this.#bytes = bytes;
    this.#range = range;
    this.#fields = fields;
    this.#scanner = new TarScanner(bytes.name, bytes.size);
    if (range.offset > 0) this.#scanner.rewind(range.offset);
    this.#grouper = new SampleGrouper(bytes.name, splitName);
    this.#sample = range.sample;
  }

  /** True where all threads can read the shard through this pass, and only as long as it is open. */
  get isSpooled(): boolean {
    return this.#bytes.location.kind === 'spooled';
  }

  /** Fills `memory` with the next bytes of the shard; the samples that end in them. A fault of the archive is in the reply, as its end. */
  async next(memory: Buffer): Promise<ScanReply> {
    const started = performance.now();
    const samples: FoundSample[] = [];
    const start = this.#scanner.position;
    const number = this.#sample;
    this.#window++;
    let failure: ErrorRecord | undefined;
    let bytes = 0;
    try {
      const read = this.#bytes.read(memory, start);
      const filled = read instanceof Promise ? await read : read;
      bytes = filled.length;
      this.#scanWindow(filled, start, samples);
    } catch (error) {
      failure = toErrorRecord(error);
    }
    const wanted = samples.slice(Math.max(0, this.#range.first - number));
    const first = Math.max(number, this.#range.first);
    const ended = failure !== undefined || this.#scanner.ended || this.#isComplete;
    return { ...this.#reply(wanted, first, start), failure, ended, bytes, busyMs: performance.now() - started };
  }

  get #isComplete(): boolean {
    return this.#sample >= this.#range.end;
  }

  #scanWindow(bytes: Buffer, start: number, samples: FoundSample[]): void {
    if (bytes.length === 0 && start < this.#bytes.size) {
      throw new WebDatasetError('WDS_TRUNCATED', 'the shard became shorter while it was read', { shard: this.#bytes.name, offset: start });
    }
    for (const { member, data } of this.#scanner.scan(bytes)) {
      this.#add(this.#grouper.push({ member, data, window: this.#window }), samples);
      if (this.#isComplete) return;
      this.#end = member.offset + blocks(member.size);
    }
    if (this.#scanner.ended) {
      this.#add(this.#grouper.finish(), samples);
      return;
    }
    const open = this.#grouper.openMember;
    if (open === undefined || open.headerOffset <= start) return;
    this.#scanner.rewind(open.headerOffset);
    this.#grouper.reset();
  }

  #add(sample: CompleteSample<WindowMember> | undefined, samples: FoundSample[]): void {
    if (sample === undefined) return;
    this.#sample++;
    samples.push({ sample, next: this.#scanner.hasGlobals ? NONE : Math.min(this.#end, this.#bytes.size) });
  }

  #reply(
    samples: readonly FoundSample[],
    first: number,
    start: number,
  ): Pick<ScanReply, 'kind' | 'keys' | 'first' | 'members' | 'faults' | 'spooled'> {
    const width = this.#fields.length * MEMBER_WORDS + 1;
    const members = new Float64Array(samples.length * width);
    const faults: { index: number; error: ErrorRecord }[] = [];
    for (const [index, { sample, next }] of samples.entries()) {
      const at = index * width;
      members[at + width - 1] = next;
      try {
        if (sample.fault !== undefined) throw sample.fault;
        for (const [number, field] of this.#fields.entries()) {
          const found = this.#find(sample, field);
          const inWindow = found?.window === this.#window && found.data !== undefined;
          members[at + number * MEMBER_WORDS] = found?.member.offset ?? NONE;
          members[at + number * MEMBER_WORDS + 1] = found?.member.size ?? NONE;
          members[at + number * MEMBER_WORDS + 2] = inWindow ? found.member.offset - start : NO_WINDOW;
        }
      } catch (error) {
        faults.push({ index, error: toErrorRecord(error) });
      }
    }
    const spooled = this.isSpooled ? this.#bytes.location : undefined;
    return { kind: 'scan', keys: samples.map(({ sample }) => sample.key), first, members, faults, spooled };
  }

  #find(sample: CompleteSample<WindowMember>, { name, from, isOptional }: WantedField): WindowMember | undefined {
    const found = firstField(sample.fields, from);
    if (found !== undefined || isOptional) return found;
    const has = [...sample.fields.keys()].map((field) => `"${field}"`).join(', ');
    throw new WebDatasetError('WDS_MISSING_FIELD', `the sample has no "${name}" (${from.join(', ')}), only ${has}`, {
      shard: this.#bytes.name,
      key: sample.key,
      offset: sample.fields.values().next().value?.member.headerOffset,
    });
  }
}

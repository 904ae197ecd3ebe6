import { WebDatasetError } from '../errors.ts';
import { decodeLabel, MAX_LABEL_BYTES } from '../decode/label.ts';
import { firstField, IMAGE_FIELDS, LABEL_FIELDS } from '../fields.ts';
import { type CompleteSample, SampleGrouper } from '../sample.ts';
import { ShardFile } from '../shard-file.ts';
import { type ScannedMember, TarScanner } from '../tar/scanner.ts';
import { type ErrorRecord, toErrorRecord } from './error-record.ts';
import { IMAGE_WORDS, NO_WINDOW, type ScanReply } from './protocol.ts';

/** A member and the window that holds its data. */
interface WindowMember extends ScannedMember {
  /** The data is in memory only while this is the window being scanned. */
  readonly window: number;
}

/**
 * One pass over one shard: reads it in windows, front to back, and finds where each sample's image lies and what its label is.
 *
 * Every window starts with the first member of a sample, so that a sample lies wholly in one window whenever it fits: the sample
 * that is open at a window's end is scanned again as the first of the next one.
 */
export class ShardScan implements Disposable {
  readonly #file: ShardFile;
  readonly #scanner: TarScanner;
  readonly #grouper: SampleGrouper<WindowMember>;
  #window = 0;

  /** @throws {@link WebDatasetError} `WDS_READ` */
  constructor(path: string) {
    this.#file = new ShardFile(path);
    this.#scanner = new TarScanner(path, this.#file.size);
    this.#grouper = new SampleGrouper(path);
  }

  /** Fills `memory` with the next bytes of the shard; the samples that end in them. A fault of the archive is in the reply, as its end. */
  next(memory: Buffer): ScanReply {
    const samples: CompleteSample<WindowMember>[] = [];
    const start = this.#scanner.position;
    this.#window++;
    let failure: ErrorRecord | undefined;
    try {
      this.#scanWindow(this.#file.read(memory, start), start, samples);
    } catch (error) {
      failure = toErrorRecord(error);
    }
    return this.#reply(samples, start, failure);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #scanWindow(bytes: Buffer, start: number, samples: CompleteSample<WindowMember>[]): void {
    if (bytes.length === 0 && start < this.#file.size) {
      throw new WebDatasetError('WDS_TRUNCATED', 'the shard became shorter while it was read', { shard: this.#file.path, offset: start });
    }
    for (const { member, data } of this.#scanner.scan(bytes)) {
      const complete = this.#grouper.push({ member, data, window: this.#window });
      if (complete !== undefined) samples.push(complete);
    }
    if (this.#scanner.ended) {
      const last = this.#grouper.finish();
      if (last !== undefined) samples.push(last);
      return;
    }
    const open = this.#grouper.openMember;
    if (open === undefined || open.headerOffset <= start) return;
    this.#scanner.rewind(open.headerOffset);
    this.#grouper.reset();
  }

  #reply(samples: readonly CompleteSample<WindowMember>[], start: number, failure: ErrorRecord | undefined): ScanReply {
    const keys = samples.map(({ key }) => key);
    const labels = new Int32Array(samples.length);
    const images = new Float64Array(samples.length * IMAGE_WORDS);
    const faults: { index: number; error: ErrorRecord }[] = [];
    for (const [index, sample] of samples.entries()) {
      try {
        if (sample.fault !== undefined) throw sample.fault;
        const image = this.#required(sample, IMAGE_FIELDS, 'image');
        labels[index] = this.#label(sample);
        images[index * IMAGE_WORDS] = image.member.offset;
        images[index * IMAGE_WORDS + 1] = image.member.size;
        images[index * IMAGE_WORDS + 2] = this.#isInWindow(image) ? image.member.offset - start : NO_WINDOW;
      } catch (error) {
        faults.push({ index, error: toErrorRecord(error) });
      }
    }
    return { kind: 'scan', keys, labels, images, faults, failure, ended: failure !== undefined || this.#scanner.ended };
  }

  #label(sample: CompleteSample<WindowMember>): number {
    const label = this.#required(sample, LABEL_FIELDS, 'label');
    const { offset, size, headerOffset } = label.member;
    const bytes =
      this.#isInWindow(label) && label.data !== undefined
        ? label.data
        : this.#file.read(Buffer.alloc(Math.min(size, MAX_LABEL_BYTES + 1)), offset);
    return decodeLabel(bytes, { shard: this.#file.path, key: sample.key, offset: headerOffset });
  }

  #isInWindow({ window, data }: WindowMember): boolean {
    return window === this.#window && data !== undefined;
  }

  #required(sample: CompleteSample<WindowMember>, names: readonly string[], what: string): WindowMember {
    const member = firstField(sample.fields, names);
    if (member !== undefined) return member;
    const has = [...sample.fields.keys()].map((name) => `"${name}"`).join(', ');
    throw new WebDatasetError('WDS_MISSING_FIELD', `the sample has no ${what} (one of ${names.join(', ')}), only ${has}`, {
      shard: this.#file.path,
      key: sample.key,
    });
  }
}

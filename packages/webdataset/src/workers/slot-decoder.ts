import { performance } from 'node:perf_hooks';
import { DecodeFault } from '../decode/decode-fault.ts';
import type { DecodeContext, RandomNumbers } from '../decode/decode-context.ts';
import { FieldDecoders } from '../decode/field-decoders.ts';
import { WebDatasetError } from '../errors.ts';
import type { SlotRegion } from '../loader/slot-layout.ts';
import { Random } from '../order/random.ts';
import { openShard } from '../source/open-shard.ts';
import type { ShardBytes, ShardLocation } from '../source/shard-bytes.ts';
import { type DecodeReply, type DecodeRequest, NO_WINDOW, NONE, type SampleFailure, SOURCE_WORDS, type WorkerSetup } from './protocol.ts';

/** Largest field that is read by itself: Node's buffers hold 4 GiB and more, but no field of a batch comes near this. */
const MAX_FIELD_BYTES = 1024 * 1024 * 1024;

/** Decodes all fields of samples: tensors into a slot of shared memory, other values into the reply. */
export class SlotDecoder {
  readonly #setup: WorkerSetup;
  readonly #decoders: FieldDecoders;
  readonly #signal: AbortSignal;
  readonly #stop: Int32Array;
  /** By number of the field; undefined for those whose values travel in the reply. */
  readonly #regions: readonly (SlotRegion | undefined)[];

  private constructor(setup: WorkerSetup, decoders: FieldDecoders, signal: AbortSignal) {
    this.#setup = setup;
    this.#decoders = decoders;
    this.#signal = signal;
    this.#stop = new Int32Array(setup.stop);
    this.#regions = setup.fields.map((_, field) => setup.regions.find((region) => region.field === field));
  }

  /** @param signal ends reads that wait for a server */
  static async create(setup: WorkerSetup, signal: AbortSignal): Promise<SlotDecoder> {
    return new SlotDecoder(setup, await FieldDecoders.create(setup.decoders), signal);
  }

  /** Decodes the samples of a request one after the other. A faulty one leaves its place as it is. */
  async decode(request: DecodeRequest): Promise<DecodeReply> {
    const started = performance.now();
    const { keys, shards } = request;
    const failures: SampleFailure[] = [];
    const values: unknown[][] = this.#setup.valueFields.map(() => new Array<unknown>(keys.length));
    await using open = new OpenShards(shards, this.#signal);
    let bytes = 0;
    for (let index = 0; index < keys.length && this.#stop[0] === 0; index++) {
      const sample = new Sample(request, index, this.#setup);
      let valueField = 0;
      for (let field = 0; field < this.#regions.length; field++) {
        const region = this.#regions[field];
        const column = region === undefined ? values[valueField++] : undefined;
        try {
          const stored = sample.inWindow(field) ?? (await sample.read(field, open));
          if (stored === undefined) continue; // Optional, and not there.
          bytes += stored.length;
          // Most images take the synchronous way; waiting for a promise per image would cost as much as decoding a small one.
          if (region !== undefined) {
            const waiting = this.#decoders.decodeInto(this.#nameOf(field), stored, this.#target(request.slot, region, index), sample);
            if (waiting !== undefined) await waiting;
          } else if (column !== undefined) {
            const value = this.#decoders.decodeValue(this.#nameOf(field), stored, sample);
            column[index] = value instanceof Promise ? await value : value;
          }
        } catch (error) {
          failures.push({ index, field, ...this.#failureOf(error, field) });
          break;
        }
      }
    }
    return { kind: 'decode', failures, values, bytes, busyMs: performance.now() - started };
  }

  #target(slot: number, { offset, bytesPerSample }: SlotRegion, index: number): Buffer {
    const { slots, slotBytes } = this.#setup;
    return Buffer.from(slots, slot * slotBytes + offset + index * bytesPerSample, bytesPerSample);
  }

  #nameOf(field: number): string {
    return this.#setup.fields[field]?.name ?? '';
  }

  /** A fault of one sample; anything else is a fault of the thread and ends it. */
  #failureOf(error: unknown, field: number): Pick<SampleFailure, 'code' | 'reason'> {
    if (error instanceof DecodeFault) {
      const name = this.#nameOf(field);
      const isLabel = this.#setup.decoders[name]?.kind === 'integer';
      return { code: isLabel ? 'WDS_LABEL' : 'WDS_DECODE', reason: `the field "${name}" cannot be decoded: ${error.message}` };
    }
    if (error instanceof WebDatasetError) return { code: error.code, reason: error.reason };
    throw error;
  }
}

/** One sample of a request, as its decoders see it. */
class Sample implements DecodeContext {
  readonly key: string;
  readonly #request: DecodeRequest;
  readonly #setup: WorkerSetup;
  readonly #at: number;

  constructor(request: DecodeRequest, index: number, setup: WorkerSetup) {
    this.key = request.keys[index] ?? '';
    this.#request = request;
    this.#setup = setup;
    this.#at = index * (1 + SOURCE_WORDS * setup.fields.length);
  }

  get shard(): string {
    return this.#request.shards[this.#shardIndex]?.name ?? '';
  }

  random(): RandomNumbers {
    return Random.forKey(this.#setup.seed, this.#request.epoch, this.key);
  }

  /** The bytes of a field, if they are in shared memory. */
  inWindow(field: number): Buffer | undefined {
    const { sources } = this.#request;
    const at = this.#at + 1 + field * SOURCE_WORDS;
    const window = sources[at] ?? NO_WINDOW;
    if (window === NO_WINDOW) return undefined;
    return Buffer.from(this.#setup.windows, window * this.#setup.windowBytes + (sources[at + 1] ?? 0), sources[at + 2]);
  }

  /** Reads a field from its shard; undefined when the sample has none. */
  async read(field: number, shards: OpenShards): Promise<Buffer | undefined> {
    const { sources } = this.#request;
    const at = this.#at + 1 + field * SOURCE_WORDS;
    const offset = sources[at + 1] ?? 0;
    const size = sources[at + 2] ?? NONE;
    if (size === NONE) return undefined;
    if (size > MAX_FIELD_BYTES) throw new DecodeFault(`it has ${size} bytes, more than a field may have (${MAX_FIELD_BYTES})`);
    const bytes = await (await shards.get(this.#shardIndex)).read(Buffer.allocUnsafeSlow(size), offset);
    if (bytes.length < size) throw new WebDatasetError('WDS_TRUNCATED', 'the shard became shorter while it was read');
    return bytes;
  }

  get #shardIndex(): number {
    return this.#request.sources[this.#at] ?? 0;
  }
}

/** The shards that one request reads single fields from; none stays open after it, so a replaced shard is never read by old offsets for long. */
class OpenShards implements AsyncDisposable {
  readonly #locations: readonly ShardLocation[];
  readonly #signal: AbortSignal;
  readonly #open = new Map<number, Promise<ShardBytes>>();

  constructor(locations: readonly ShardLocation[], signal: AbortSignal) {
    this.#locations = locations;
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort);
  }

  get(index: number): Promise<ShardBytes> {
    let bytes = this.#open.get(index);
    if (bytes === undefined) {
      const location = this.#locations[index];
      if (location === undefined) throw new RangeError(`There is no shard ${index}.`);
      bytes = openShard(location, { signal: this.#signal });
      this.#open.set(index, bytes);
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#abort);
    for (const opening of await Promise.allSettled(this.#open.values())) {
      if (opening.status === 'fulfilled') await opening.value[Symbol.asyncDispose]();
    }
  }

  /** Ends reads that wait for a server; what fails to close fails again when the request ends. */
  readonly #abort = (): void => {
    for (const opening of this.#open.values()) opening.then((bytes) => bytes[Symbol.asyncDispose]()).catch(() => undefined);
  };
}

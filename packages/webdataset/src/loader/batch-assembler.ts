import type { SampleReference } from './reference-reader.ts';

/** Decoded images at the places 0, 1, 2 … of a slot. */
export interface DecodedSlot {
  readonly slot: number;
  /** The samples, by place. */
  readonly samples: SampleReference[];
}

/**
 * Makes full batches of decoded slots. As a rule a slot is a batch and passes through. Where images failed and were left out, the
 * following ones move up, across slots if need be, so that the batches are the stream of good samples cut into equal pieces,
 * whichever thread decoded them and when.
 */
export class BatchAssembler {
  readonly #batchSize: number;
  readonly #imageBytes: number;
  readonly #pixels: Uint8Array;
  readonly #release: (slot: number) => void;
  #partial: DecodedSlot | undefined;

  /**
   * @param pixels the memory of all slots
   * @param release takes a slot that was emptied
   */
  constructor(batchSize: number, imageBytes: number, pixels: Uint8Array, release: (slot: number) => void) {
    this.#batchSize = batchSize;
    this.#imageBytes = imageBytes;
    this.#pixels = pixels;
    this.#release = release;
  }

  /** Takes a slot in, the places in `failed` being empty; returns the batch that is full now, if one is. */
  push({ slot, samples }: DecodedSlot, failed: ReadonlySet<number>): DecodedSlot | undefined {
    const incoming = { slot, samples: failed.size === 0 ? samples : this.#closeGaps(slot, samples, failed) };
    const partial = this.#partial;
    if (partial === undefined) return this.#keepOrEmit(incoming);
    this.#fill(partial, incoming);
    if (partial.samples.length < this.#batchSize) {
      this.#release(incoming.slot);
      return undefined;
    }
    this.#keepOrEmit(incoming);
    return partial;
  }

  /** The incomplete batch at the end; undefined when there is none. */
  finish(): DecodedSlot | undefined {
    const partial = this.#partial;
    this.#partial = undefined;
    return partial;
  }

  #keepOrEmit(decoded: DecodedSlot): DecodedSlot | undefined {
    this.#partial = undefined;
    if (decoded.samples.length === this.#batchSize) return decoded;
    if (decoded.samples.length === 0) this.#release(decoded.slot);
    else this.#partial = decoded;
    return undefined;
  }

  #closeGaps(slot: number, samples: readonly SampleReference[], failed: ReadonlySet<number>): SampleReference[] {
    const good: SampleReference[] = [];
    for (const [place, sample] of samples.entries()) {
      if (failed.has(place)) continue;
      if (place !== good.length) this.#move(slot, place, slot, good.length, 1);
      good.push(sample);
    }
    return good;
  }

  /** Moves as many of the first images of `from` as fit behind those of `to`. */
  #fill(to: DecodedSlot, from: DecodedSlot): void {
    const count = Math.min(this.#batchSize - to.samples.length, from.samples.length);
    this.#move(from.slot, 0, to.slot, to.samples.length, count);
    to.samples.push(...from.samples.splice(0, count));
    this.#move(from.slot, count, from.slot, 0, from.samples.length);
  }

  #move(fromSlot: number, fromPlace: number, toSlot: number, toPlace: number, count: number): void {
    const start = this.#at(fromSlot, fromPlace);
    this.#pixels.copyWithin(this.#at(toSlot, toPlace), start, start + count * this.#imageBytes);
  }

  #at(slot: number, place: number): number {
    return (slot * this.#batchSize + place) * this.#imageBytes;
  }
}

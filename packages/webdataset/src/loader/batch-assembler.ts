import type { PlacedReference } from './reference.ts';
import type { SlotRegion } from './slot-layout.ts';

/** Decoded samples at the places 0, 1, 2 … of a slot. */
export interface DecodedSlot {
  readonly slot: number;
  /** The samples, by place. */
  readonly samples: PlacedReference[];
  /** The values that are no tensors, by field, then by place. */
  readonly values: unknown[][];
}

/** The memory of all slots. */
export interface SlotMemory {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly slotBytes: number;
  readonly regions: readonly SlotRegion[];
}

/**
 * Makes full batches of decoded slots. As a rule a slot is a batch and passes through. Where samples failed and were left out, the
 * following ones move up, across slots if need be, so that the batches are the stream of good samples cut into equal pieces,
 * whichever thread decoded them and when.
 */
export class BatchAssembler {
  readonly #batchSize: number;
  readonly #memory: SlotMemory;
  readonly #release: (slot: number) => void;
  #partial: DecodedSlot | undefined;

  /** @param release takes a slot that was emptied */
  constructor(batchSize: number, memory: SlotMemory, release: (slot: number) => void) {
    this.#batchSize = batchSize;
    this.#memory = memory;
    this.#release = release;
  }

  /** Takes a slot in, the places that `isFailed` being empty; returns the batch that is full now, if one is. */
  push(decoded: DecodedSlot, isFailed?: (place: number) => boolean): DecodedSlot | undefined {
    const incoming = isFailed === undefined ? decoded : this.#closeGaps(decoded, isFailed);
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

  #closeGaps({ slot, samples, values }: DecodedSlot, isFailed: (place: number) => boolean): DecodedSlot {
    const good: PlacedReference[] = [];
    const kept: unknown[][] = values.map(() => []);
    for (const [place, sample] of samples.entries()) {
      if (isFailed(place)) continue;
      if (place !== good.length) this.#move(slot, place, slot, good.length, 1);
      for (const [field, column] of values.entries()) kept[field]?.push(column[place]);
      good.push(sample);
    }
    return { slot, samples: good, values: kept };
  }

  /** Moves as many of the first samples of `from` as fit behind those of `to`. */
  #fill(to: DecodedSlot, from: DecodedSlot): void {
    const count = Math.min(this.#batchSize - to.samples.length, from.samples.length);
    this.#move(from.slot, 0, to.slot, to.samples.length, count);
    to.samples.push(...from.samples.splice(0, count));
    for (const [field, column] of from.values.entries()) to.values[field]?.push(...column.splice(0, count));
    this.#move(from.slot, count, from.slot, 0, from.samples.length);
  }

  #move(fromSlot: number, fromPlace: number, toSlot: number, toPlace: number, count: number): void {
    const { bytes, slotBytes, regions } = this.#memory;
    if (count === 0) return;
    for (const { offset, bytesPerSample } of regions) {
      const start = fromSlot * slotBytes + offset + fromPlace * bytesPerSample;
      bytes.copyWithin(toSlot * slotBytes + offset + toPlace * bytesPerSample, start, start + count * bytesPerSample);
    }
  }
}

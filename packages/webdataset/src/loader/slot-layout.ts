import type { DecoderTable } from '../decode/decoder.ts';
import { sourcesOf } from '../decode/default-decoders.ts';
import { type TensorLayout, tensorLayouts } from '../decode/tensor-layout.ts';

/** Where a tensor field lies in a slot. Plain data, for the threads. */
export interface SlotRegion {
  /** Number of the field in the list of fields. */
  readonly field: number;
  /** Byte in the slot. */
  readonly offset: number;
  readonly bytesPerSample: number;
}

/** A wanted field. Plain data, for the threads. */
export interface WantedField {
  readonly name: string;
  /** Extensions in lower case, the preferred first. */
  readonly from: readonly string[];
  readonly isOptional: boolean;
}

/** Regions start at multiples of a cache line, so that two threads never write to the same one, and every element type is aligned. */
const ALIGNMENT = 64;

/** How a batch lies in a slot of shared memory: the tensor fields one after the other, each with room for a whole batch. */
export class SlotLayout {
  readonly fields: readonly WantedField[];
  readonly regions: readonly SlotRegion[];
  /** Numbers of the fields that are no tensors: their values travel in messages. */
  readonly valueFields: readonly number[];
  /** Bytes of one slot. */
  readonly slotBytes: number;
  readonly #tensors: readonly (TensorLayout | undefined)[];

  constructor(decoders: DecoderTable, batchSize: number) {
    const entries = Object.entries(decoders);
    const layouts = tensorLayouts(decoders);
    this.fields = entries.map(([name, decoder]) => ({
      name,
      from: sourcesOf(name, decoder).map((extension) => extension.toLowerCase()),
      isOptional: decoder.optional === true,
    }));
    this.#tensors = this.fields.map(({ name }) => layouts.get(name));
    const regions: SlotRegion[] = [];
    const valueFields: number[] = [];
    let offset = 0;
    for (const [field, tensor] of this.#tensors.entries()) {
      if (tensor === undefined) {
        valueFields.push(field);
        continue;
      }
      regions.push({ field, offset, bytesPerSample: tensor.bytesPerSample });
      offset += Math.ceil((tensor.bytesPerSample * batchSize) / ALIGNMENT) * ALIGNMENT;
    }
    this.regions = regions;
    this.valueFields = valueFields;
    this.slotBytes = offset;
  }

  /** The fields of a batch: views of the slot that starts at byte `start`, and arrays of values by value field. */
  batchFields(memory: ArrayBufferLike, start: number, size: number, values: readonly (readonly unknown[])[]): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { field, offset } of this.regions) {
      result[this.#nameOf(field)] = this.#tensors[field]?.batchValue(memory, start + offset, size);
    }
    for (const [index, field] of this.valueFields.entries()) result[this.#nameOf(field)] = values[index];
    return result;
  }

  #nameOf(field: number): string {
    return this.fields[field]?.name ?? '';
  }
}

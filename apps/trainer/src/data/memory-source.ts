import { z } from 'zod';
import type { Batch, BatchSource } from './batch-source.ts';

const STATE = z.object({ batch: z.int().min(0) });

/**
 * A few batches held in memory and repeated, for benchmarks: what training reaches when data costs nothing.
 */
export class MemorySource implements BatchSource {
  readonly #batches: readonly Batch[];

  private constructor(batches: readonly Batch[]) {
    this.#batches = batches;
  }

  /** Copies the first `count` batches of epoch 0, or as many as there are. */
  static async load(source: BatchSource, count: number): Promise<MemorySource> {
    const batches: Batch[] = [];
    for await (const batch of source.epoch(0)) {
      batches.push(copyOf(batch, batches.length));
      batch.release();
      if (batches.length >= count) break;
    }
    return new MemorySource(batches);
  }

  epoch(): readonly Batch[] {
    return this.#batches;
  }

  resume(state: unknown): readonly Batch[] {
    return this.#batches.slice(STATE.parse(state).batch + 1);
  }
}

/** Shared memory, as that of the loader: the compute thread then reads both in the same way, without a copy. */
function copyOf(batch: Batch, index: number): Batch {
  const pixels = new Uint8Array(new SharedArrayBuffer(batch.pixels.length));
  pixels.set(batch.pixels);
  return {
    size: batch.size,
    pixels,
    labels: batch.labels.slice(),
    keys: [...batch.keys],
    state: () => ({ batch: index }),
    release: () => undefined,
  };
}

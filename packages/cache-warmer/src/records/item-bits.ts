/** Counts are kept for so many items together. */
export const BLOCK_ITEMS = 1_000;

/** A set of item numbers, as a bit each: ten million take 1.3 MB. */
export class ItemBits {
  #bits = new Uint8Array(0);
  #blocks = new Uint16Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  has(item: number): boolean {
    return ((this.#bits[item >> 3] ?? 0) & (1 << (item & 7))) !== 0;
  }

  add(item: number): void {
    if (!this.has(item)) this.#flip(item, 1);
  }

  delete(item: number): void {
    if (this.has(item)) this.#flip(item, -1);
  }

  /** How many from `first` to `end` (exclusive), both at the border of a block, or the end beyond all items. */
  countIn(first: number, end: number): number {
    return this.#blocks.subarray(first / BLOCK_ITEMS, Math.ceil(end / BLOCK_ITEMS)).reduce((sum, count) => sum + count, 0);
  }

  /** In ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (const [index, byte] of this.#bits.entries()) {
      for (let bit = 0; byte >> bit !== 0; bit++) if (((byte >> bit) & 1) === 1) yield index * 8 + bit;
    }
  }

  #flip(item: number, by: 1 | -1): void {
    const byte = item >> 3;
    const block = Math.floor(item / BLOCK_ITEMS);
    if (byte >= this.#bits.length) this.#bits = grown(new Uint8Array(2 * (byte + 1)), this.#bits);
    if (block >= this.#blocks.length) this.#blocks = grown(new Uint16Array(2 * (block + 1)), this.#blocks);
    this.#bits[byte] = (this.#bits[byte] ?? 0) ^ (1 << (item & 7));
    this.#blocks[block] = (this.#blocks[block] ?? 0) + by;
    this.#count += by;
  }
}

function grown<T extends Uint8Array | Uint16Array>(larger: T, values: T): T {
  larger.set(values);
  return larger;
}

/* eslint-disable @typescript-eslint/unbound-method -- Buffer's functions use no `this`; taking their places is the purpose. */
/** Measures the largest buffer that is asked for while it exists, by standing in for the functions that make buffers. */
export class Allocations implements Disposable {
  readonly #original = {
    alloc: Buffer.alloc,
    allocUnsafe: Buffer.allocUnsafe,
    allocUnsafeSlow: Buffer.allocUnsafeSlow,
    concat: Buffer.concat,
  };
  #largest = 0;

  constructor() {
    const { alloc, allocUnsafe, allocUnsafeSlow, concat } = this.#original;
    Buffer.alloc = (size, fill?: string | Uint8Array | number, encoding?: BufferEncoding) => alloc(this.#note(size), fill, encoding);
    Buffer.allocUnsafe = (size) => allocUnsafe(this.#note(size));
    Buffer.allocUnsafeSlow = (size) => allocUnsafeSlow(this.#note(size));
    Buffer.concat = (list, length) => {
      this.#note(length ?? list.reduce((sum, part) => sum + part.length, 0));
      return concat(list, length);
    };
  }

  /** In bytes, since the last call. */
  takeLargest(): number {
    const largest = this.#largest;
    this.#largest = 0;
    return largest;
  }

  [Symbol.dispose](): void {
    Object.assign(Buffer, this.#original);
  }

  #note(size: number): number {
    this.#largest = Math.max(this.#largest, size);
    return size;
  }
}

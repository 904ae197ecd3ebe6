/** The use of one window: from the read that fills it to the last sample decoded from it, unless it is taken back before. */
export interface WindowLease {
  /** Number of the window in shared memory. */
  readonly slot: number;
  /** Samples of it that are still to be decoded. */
  remaining: number;
  /** Samples of it that are being decoded: as long as there are any, it stays. */
  inFlight: number;
  /** False once the window was given to another read; its samples are then read from the file. */
  valid: boolean;
}

/**
 * The windows of shared memory that hold file bytes. A fixed number of them bounds the memory; since the samples of a window leave
 * the shuffle buffer one by one, the last few would hold it for long. Where a new read needs a window and none is free, the one
 * with the fewest samples left is taken back: those few are read from their file again.
 *
 * A pool serves one epoch: at its end nothing uses the windows any more, and the next epoch starts with a new pool.
 */
export class WindowPool {
  readonly #free: number[];
  readonly #onReclaim: () => void;
  /** Windows whose samples have all entered the order. */
  readonly #reclaimable = new Set<WindowLease>();

  /** @param onReclaim called when a window is taken back before all its samples were decoded */
  constructor(count: number, onReclaim: () => void = () => undefined) {
    this.#onReclaim = onReclaim;
    this.#free = Array.from({ length: count }, (_, slot) => count - 1 - slot);
  }

  /** A window for a new read; undefined when all are in use and none can be taken back. */
  take(): WindowLease | undefined {
    const slot = this.#free.pop() ?? this.#reclaim();
    return slot === undefined ? undefined : { slot, remaining: 0, inFlight: 0, valid: true };
  }

  /** Says that all samples of the window have been handed out, so that it may be taken back. */
  allowReclaim(lease: WindowLease): void {
    this.#reclaimable.add(lease);
    this.#freeWhenDone(lease);
  }

  /** A sample of the window is being decoded. */
  begin(lease: WindowLease): void {
    lease.inFlight++;
  }

  /** A sample of the window has been decoded. */
  end(lease: WindowLease): void {
    lease.inFlight--;
    this.drop(lease);
  }

  /** A sample of the window will not be decoded. */
  drop(lease: WindowLease): void {
    lease.remaining--;
    this.#freeWhenDone(lease);
  }

  /** Gives a window back, whatever it still holds. */
  release(lease: WindowLease): void {
    this.#reclaimable.delete(lease);
    if (!lease.valid) return;
    lease.valid = false;
    this.#free.push(lease.slot);
  }

  #freeWhenDone(lease: WindowLease): void {
    if (lease.remaining === 0 && this.#reclaimable.has(lease)) this.release(lease);
  }

  #reclaim(): number | undefined {
    let least: WindowLease | undefined;
    for (const lease of this.#reclaimable) {
      if (lease.inFlight === 0 && lease.remaining < (least?.remaining ?? Infinity)) least = lease;
    }
    if (least === undefined) return undefined;
    this.release(least);
    this.#onReclaim();
    return this.#free.pop();
  }
}

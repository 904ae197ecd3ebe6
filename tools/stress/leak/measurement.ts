/** What a process holds after so many epochs, garbage collected. */
export interface Measurement {
  readonly epoch: number;
  /** JavaScript objects of the main thread. */
  readonly heapBytes: number;
  /** Memory outside the heap that objects of the main thread hold, shared memory included. */
  readonly externalBytes: number;
  /** JavaScript objects of all other threads, what is not collected yet included. */
  readonly threadHeapBytes: number;
  readonly residentBytes: number;
  /** Address space: the memory that a loader shares with its threads is seen only here. */
  readonly addressBytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** What one stage of a loader has done since it was opened. All times are milliseconds, all counts only grow, but for `queued`. */
export interface StageStats {
  /** Samples that it has finished. */
  readonly items: number;
  /** Bytes that it has finished. */
  readonly bytes: number;
  /** Time that its threads have worked, added up over the threads. */
  readonly busyMs: number;
  /** Wall time during which it had nothing to do because the stage before it was slower. */
  readonly starvedMs: number;
  /** Wall time during which it could not go on because the stage after it was slower. */
  readonly blockedMs: number;
  /** What lies finished before the next stage now. */
  readonly queued: number;
  /** The most that may lie there. */
  readonly capacity: number;
}

/** What a loader has done since it was opened, over all its epochs. */
export interface LoaderStats {
  /** Reading shards: bytes of shards, samples found in them; its queue counts windows of file bytes. */
  readonly read: StageStats;
  /** Decoding: bytes of the decoded fields as stored; its queue counts batches. Starved is it while it waits for files. */
  readonly decode: StageStats;
  /**
   * Delivery: `starvedMs` is the time that the consumer has waited for batches, `blockedMs` the time that finished batches have waited
   * for the consumer. Its queue counts the batches that the consumer holds.
   */
  readonly deliver: StageStats;
  /** Windows given up for a new read before all their samples were decoded; what was left is read from the file singly. */
  readonly windowsReclaimed: number;
  /** Samples and rests of shards that were left out. */
  readonly skipped: number;
  /** Bytes read, by group of shards. */
  readonly bytesByGroup: readonly number[];
}

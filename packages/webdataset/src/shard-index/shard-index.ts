/** Where the bytes of one field lie. */
export interface IndexedField {
  /** Byte in the (uncompressed) shard at which the data starts: a multiple of 512. */
  readonly offset: number;
  /** Length of the data in bytes. */
  readonly size: number;
  /** The member's name; an index in format v1.1 does not tell. */
  readonly name?: string | undefined;
}

/** A member that repeats an extension of its sample, which makes the sample faulty. */
export interface DuplicateField extends IndexedField {
  readonly field: string;
}

/** One sample of a shard. */
export interface IndexedSample {
  /** Undefined in an index in format v1.1. */
  readonly key?: string | undefined;
  /** By extension in lower case, in the order of the archive; of an extension that comes twice the first. */
  readonly fields: ReadonlyMap<string, IndexedField>;
  /** Members that repeat an extension; undefined when the sample is sound. */
  readonly duplicates?: readonly DuplicateField[] | undefined;
}

/** What is where in a shard: all samples, faulty ones too, in the order of the archive. */
export interface ShardIndex {
  readonly samples: readonly IndexedSample[];
}

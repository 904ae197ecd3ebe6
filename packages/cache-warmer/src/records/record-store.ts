/** What a listing says of a record. */
export interface RecordEntry {
  readonly name: string;
  readonly etag: string;
  readonly modifiedAt: Date;
  /** Short ASCII values under names of lower-case letters. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A record with its content. */
export interface StoredRecord extends Omit<RecordEntry, 'name'> {
  readonly body: Buffer;
}

/** When a record may be written; by default always. */
export interface WriteOptions {
  /** Only when there is none of the name; otherwise rejects with `RECORD_EXISTS`. */
  readonly ifAbsent?: true;
  /** Only over the version with this ETag; otherwise rejects with `RECORD_CHANGED`. */
  readonly ifMatch?: string;
  /** Of a lease that the caller holds on the record. */
  readonly leaseId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A lease on a record: nobody else gets one, or writes the record, until it ends. */
export interface RecordLease {
  readonly id: string;
  /** Rejects with `RECORD_LEASE_LOST` when it has ended and someone else has one. */
  renew(signal: AbortSignal): Promise<void>;
  /** Ends it at once; one that is lost already has ended. */
  release(signal: AbortSignal): Promise<void>;
}

/**
 * Named records with conditions and leases: the part of an Azure blob container that the CacheWarmer needs. Names are paths of parts from
 * `[A-Za-z0-9._-]`. All methods reject with {@link RecordError} and stop at an abort.
 */
export interface RecordStore {
  readonly name: string;
  /** Makes the store; one that exists already is as good. */
  create(signal: AbortSignal): Promise<void>;
  /** @returns undefined when there is none. With `ifMatch` rejects with `RECORD_CHANGED` unless it has this ETag. */
  read(name: string, options: { readonly ifMatch?: string }, signal: AbortSignal): Promise<StoredRecord | undefined>;
  /** Whether there is one. */
  exists(name: string, signal: AbortSignal): Promise<boolean>;
  /** @returns the new ETag. */
  write(name: string, body: string | Buffer, options: WriteOptions, signal: AbortSignal): Promise<string>;
  /** Those whose names begin with `prefix`, ordered by name. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<RecordEntry>;
  /** One that is not there is as good. */
  delete(name: string, signal: AbortSignal): Promise<void>;
  /** @param seconds 15 to 60. Rejects with `RECORD_LEASED` when someone else has one, `RECORD_MISSING` when there is no record. */
  lease(name: string, seconds: number, signal: AbortSignal): Promise<RecordLease>;
}

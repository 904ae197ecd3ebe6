import { randomUUID } from 'node:crypto';
import { RecordError } from '../errors.ts';
import type { RecordEntry, RecordLease, RecordStore, StoredRecord, WriteOptions } from '../records/record-store.ts';
import { turn } from './turn.ts';

interface Entry extends StoredRecord {
  /** The newest lease. One that has ended by itself may be renewed until the record is leased or written by someone else. */
  lease?: { readonly id: string; readonly until: number } | undefined;
}

/** Records in memory that behave as the blobs of Azure Storage do. */
export class MemoryRecords implements RecordStore {
  readonly name: string;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #isMade = false;
  #versions = 0;

  /** @param now the time in milliseconds since 1970; leases end by it. */
  constructor(name: string, now: () => number) {
    this.name = name;
    this.#now = now;
  }

  async create(signal: AbortSignal): Promise<void> {
    await turn(signal);
    this.#isMade = true;
  }

  async read(name: string, { ifMatch }: { readonly ifMatch?: string }, signal: AbortSignal): Promise<StoredRecord | undefined> {
    await this.#begin(signal);
    const entry = this.#entries.get(name);
    if (ifMatch !== undefined && entry?.etag !== ifMatch) throw this.#refusal('RECORD_CHANGED', 'read', name);
    if (entry === undefined) return undefined;
    const { etag, modifiedAt, metadata, body } = entry;
    return { etag, modifiedAt, metadata, body: Buffer.from(body) };
  }

  async exists(name: string, signal: AbortSignal): Promise<boolean> {
    await this.#begin(signal);
    return this.#entries.has(name);
  }

  async write(name: string, body: string | Buffer, options: WriteOptions, signal: AbortSignal): Promise<string> {
    await this.#begin(signal);
    const { ifAbsent, ifMatch, leaseId, metadata = {} } = options;
    const before = this.#entries.get(name);
    if (ifAbsent === true && before !== undefined) throw this.#refusal('RECORD_EXISTS', 'write', name);
    if (ifMatch !== undefined && before?.etag !== ifMatch) throw this.#refusal('RECORD_CHANGED', 'write', name);
    const lease = before === undefined ? undefined : this.#activeLease(before);
    if (lease !== undefined && leaseId === undefined) throw this.#refusal('RECORD_LEASED', 'write', name);
    if (leaseId !== undefined && lease?.id !== leaseId) throw this.#refusal('RECORD_LEASE_LOST', 'write', name);
    this.#versions += 1;
    const etag = `"0x${this.#versions.toString(16).toUpperCase().padStart(16, '0')}"`;
    this.#entries.set(name, { etag, modifiedAt: this.#wholeSecond(), metadata: { ...metadata }, body: Buffer.from(body), lease });
    return etag;
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<RecordEntry> {
    await this.#begin(signal);
    const names = [...this.#entries.keys()].filter((name) => name.startsWith(prefix)).sort();
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry !== undefined) yield { name, etag: entry.etag, modifiedAt: entry.modifiedAt, metadata: { ...entry.metadata } };
      signal.throwIfAborted();
    }
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    await this.#begin(signal);
    const entry = this.#entries.get(name);
    if (entry !== undefined && this.#activeLease(entry) !== undefined) throw this.#refusal('RECORD_LEASED', 'delete', name);
    this.#entries.delete(name);
  }

  async lease(name: string, seconds: number, signal: AbortSignal): Promise<RecordLease> {
    await this.#begin(signal);
    const entry = this.#entries.get(name);
    if (entry === undefined) throw this.#refusal('RECORD_MISSING', 'lease', name);
    if (this.#activeLease(entry) !== undefined) throw this.#refusal('RECORD_LEASED', 'lease', name);
    if (seconds < 15 || seconds > 60) throw this.#refusal('RECORD_FAILED', 'lease', name);
    const id = randomUUID();
    const until = (): number => this.#now() + seconds * 1000;
    entry.lease = { id, until: until() };
    return {
      id,
      renew: async (renewal) => {
        await this.#begin(renewal);
        const now = this.#entries.get(name);
        if (now?.lease?.id !== id) throw this.#refusal('RECORD_LEASE_LOST', 'renew', name);
        now.lease = { id, until: until() };
      },
      release: async (end) => {
        await this.#begin(end);
        const now = this.#entries.get(name);
        if (now?.lease?.id === id) now.lease = undefined;
      },
    };
  }

  async #begin(signal: AbortSignal): Promise<void> {
    await turn(signal);
    if (!this.#isMade) throw new RecordError('RECORD_MISSING', `container ${this.name}: there is no such container`);
  }

  #activeLease({ lease }: Entry): Entry['lease'] {
    return lease !== undefined && lease.until > this.#now() ? lease : undefined;
  }

  /** The service keeps no more of a time. */
  #wholeSecond(): Date {
    return new Date(Math.floor(this.#now() / 1000) * 1000);
  }

  #refusal(code: RecordError['code'], method: string, name: string): RecordError {
    return new RecordError(code, `container ${this.name}: ${method} of ${name} was refused (${code})`);
  }
}

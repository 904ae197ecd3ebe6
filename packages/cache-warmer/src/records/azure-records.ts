import { buffer } from 'node:stream/consumers';
import type { ContainerClient } from '@azure/storage-blob';
import { callService, ServiceFault } from '../azure/service-call.ts';
import { RecordError } from '../errors.ts';
import type { RecordEntry, RecordLease, RecordStore, StoredRecord, WriteOptions } from './record-store.ts';

/** The most that the service gives in one answer. */
const LIST_PAGE = 5_000;

/**
 * Records as blobs of one container of an Azure Storage account.
 *
 * The client of the SDK tries failed requests again. When only an answer was lost, a write that has happened may so reject with
 * `RECORD_EXISTS` or `RECORD_CHANGED`.
 */
export class AzureRecords implements RecordStore {
  readonly #container: ContainerClient;

  constructor(container: ContainerClient) {
    this.#container = container;
  }

  get name(): string {
    return this.#container.containerName;
  }

  async create(signal: AbortSignal): Promise<void> {
    await this.#call('create', '', signal, (abortSignal) => this.#container.createIfNotExists({ abortSignal }));
  }

  async read(name: string, { ifMatch }: { readonly ifMatch?: string }, signal: AbortSignal): Promise<StoredRecord | undefined> {
    const conditions = ifMatch === undefined ? {} : { ifMatch };
    const request = async (abortSignal: AbortSignal): Promise<StoredRecord> => {
      const answer = await this.#container.getBlobClient(name).download(0, undefined, { conditions, abortSignal });
      const { etag, lastModified, metadata = {}, readableStreamBody } = answer;
      if (etag === undefined || lastModified === undefined || readableStreamBody === undefined) throw new Error('the answer is incomplete');
      return { etag, modifiedAt: lastModified, metadata, body: await buffer(readableStreamBody) };
    };
    if (ifMatch === undefined) return this.#unlessMissing('read', name, signal, request);
    return this.#call('read', name, signal, request, CONDITIONAL);
  }

  async exists(name: string, signal: AbortSignal): Promise<boolean> {
    const request = (abortSignal: AbortSignal): Promise<unknown> => this.#container.getBlobClient(name).getProperties({ abortSignal });
    return (await this.#unlessMissing('exists', name, signal, request)) !== undefined;
  }

  async write(name: string, body: string | Buffer, options: WriteOptions, signal: AbortSignal): Promise<string> {
    const { ifAbsent, ifMatch, leaseId, metadata = {} } = options;
    const conditions = {
      ...(ifAbsent === undefined ? {} : { ifNoneMatch: '*' }),
      ...(ifMatch === undefined ? {} : { ifMatch }),
      ...(leaseId === undefined ? {} : { leaseId }),
    };
    // Which of two statuses a name that is taken has depends on the moment.
    const meanings = ifAbsent === undefined ? CONDITIONAL : ({ ConditionNotMet: 'RECORD_EXISTS' } as const);
    const blob = this.#container.getBlockBlobClient(name);
    const request = (abortSignal: AbortSignal): Promise<{ etag?: string }> =>
      blob.upload(body, Buffer.byteLength(body), { conditions, metadata: { ...metadata }, abortSignal });
    const { etag } = await this.#call('write', name, signal, request, meanings);
    if (etag === undefined) throw new RecordError('RECORD_FAILED', `${this.#what('write', name)} was answered without an ETag`);
    return etag;
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<RecordEntry> {
    let continuationToken: string | undefined;
    do {
      const from = continuationToken === undefined ? {} : { continuationToken };
      const page = await this.#call('list', prefix, signal, async (abortSignal) => {
        const listing = this.#container.listBlobsFlat({ prefix, includeMetadata: true, abortSignal });
        for await (const first of listing.byPage({ maxPageSize: LIST_PAGE, ...from })) return first;
        return undefined;
      });
      for (const { name, properties, metadata = {} } of page?.segment.blobItems ?? []) {
        yield { name, etag: quoted(properties.etag), modifiedAt: properties.lastModified, metadata };
        signal.throwIfAborted();
      }
      continuationToken = page?.continuationToken;
    } while (continuationToken !== undefined && continuationToken !== '');
  }

  async delete(name: string, signal: AbortSignal): Promise<void> {
    await this.#unlessMissing('delete', name, signal, (abortSignal) => this.#container.getBlobClient(name).delete({ abortSignal }));
  }

  async lease(name: string, seconds: number, signal: AbortSignal): Promise<RecordLease> {
    const client = this.#container.getBlobClient(name).getBlobLeaseClient();
    await this.#call('lease', name, signal, (abortSignal) => client.acquireLease(seconds, { abortSignal }));
    return {
      id: client.leaseId,
      renew: async (renewal) => {
        const request = (abortSignal: AbortSignal): Promise<unknown> => client.renewLease({ abortSignal });
        await this.#call('renew', name, renewal, request, { BlobNotFound: 'RECORD_LEASE_LOST' });
      },
      release: async (end) => {
        try {
          await this.#call('release', name, end, (abortSignal) => client.releaseLease({ abortSignal }));
        } catch (error) {
          if (!(error instanceof RecordError) || (error.code !== 'RECORD_LEASE_LOST' && error.code !== 'RECORD_MISSING')) throw error;
        }
      },
    };
  }

  /** @returns undefined when there is no such record. */
  async #unlessMissing<T>(
    method: string,
    name: string,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#call(method, name, signal, request);
    } catch (error) {
      const cause = error instanceof RecordError && error.code === 'RECORD_MISSING' ? error.cause : undefined;
      if (cause instanceof ServiceFault && cause.code !== 'ContainerNotFound') return undefined;
      throw error;
    }
  }

  /** @param meanings of codes, where they mean something else than usual. */
  async #call<T>(
    method: string,
    name: string,
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
    meanings: Meanings = {},
  ): Promise<T> {
    try {
      return await callService(signal, request);
    } catch (error) {
      throw error instanceof ServiceFault ? this.#errorOf(method, name, error, meanings) : error;
    }
  }

  #errorOf(method: string, name: string, cause: ServiceFault, meanings: Meanings): RecordError {
    const { status, code, summary } = cause;
    const what = this.#what(method, name);
    if (code === 'ContainerNotFound') {
      return new RecordError('RECORD_MISSING', `${what}: there is no such container; check the prefix, or provision it`, { cause });
    }
    const meaning = meanings[code] ?? MEANINGS[code];
    if (meaning !== undefined) return new RecordError(meaning, `${what} was refused (${status ?? ''} ${code})`, { cause });
    if (status === 401 || status === 403) {
      const advice =
        'check that the identity has the role "Storage Blob Data Contributor" on the container, that the key fits the account, ' +
        'and that the network rules of the account let this machine in';
      return new RecordError('RECORD_DENIED', `${what} was denied (${status} ${code}); ${advice}`, { cause });
    }
    return new RecordError('RECORD_FAILED', `${what} failed: ${summary}`, { cause });
  }

  #what(method: string, name: string): string {
    return `container ${this.name}: ${method}${name === '' ? '' : ` of ${name}`}`;
  }
}

type Meanings = Readonly<Record<string, RecordError['code']>>;

/** https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and .../lease-blob */
const MEANINGS: Meanings = {
  BlobNotFound: 'RECORD_MISSING',
  ResourceNotFound: 'RECORD_MISSING',
  BlobAlreadyExists: 'RECORD_EXISTS',
  ConditionNotMet: 'RECORD_CHANGED',
  LeaseIdMissing: 'RECORD_LEASED',
  LeaseAlreadyPresent: 'RECORD_LEASED',
  LeaseIsBreakingAndCannotBeAcquired: 'RECORD_LEASED',
  LeaseLost: 'RECORD_LEASE_LOST',
  LeaseIdMismatchWithBlobOperation: 'RECORD_LEASE_LOST',
  LeaseIdMismatchWithLeaseOperation: 'RECORD_LEASE_LOST',
  LeaseNotPresentWithBlobOperation: 'RECORD_LEASE_LOST',
  LeaseNotPresentWithLeaseOperation: 'RECORD_LEASE_LOST',
  LeaseIsBrokenAndCannotBeRenewed: 'RECORD_LEASE_LOST',
  LeaseIsBreakingAndCannotBeChanged: 'RECORD_LEASE_LOST',
};

/** What is not there has no version. */
const CONDITIONAL: Meanings = { BlobNotFound: 'RECORD_CHANGED' };

/** Headers have ETags in quotes, listings without. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

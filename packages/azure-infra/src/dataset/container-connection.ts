import type { ContainerClient, StoragePipelineOptions, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { TokenCredential } from '../credential.ts';
import { whilePropagating, type PropagationWait } from '../role-propagation.ts';
import { storageErrorCode } from '../storage-error.ts';
import type { ContainerTarget } from './container-target.ts';

/** What requests are signed with. */
export type StorageCredential = TokenCredential | StorageSharedKeyCredential;

/** How to reach containers. */
export interface ConnectionOptions {
  /** Undefined: requests carry no credential, for emulators that ask for none. */
  readonly credential: StorageCredential | undefined;
  readonly signal: AbortSignal;
  /** Of the SDK: another HTTP client, other retries. */
  readonly clientOptions?: StoragePipelineOptions | undefined;
  /** Told before each wait for a role that does not work yet. */
  readonly onPropagationWait?: ((target: ContainerTarget, wait: PropagationWait) => void) | undefined;
  /** For {@link onPropagationWait}'s waits. */
  readonly clock?: Clock | undefined;
}

/** What the service says of a blob. */
export interface StoredBlob {
  readonly size: number;
  /** Base64; undefined when none was stored with it. */
  readonly md5: string | undefined;
}

/** What becomes a blob in one request. */
export interface BlobContent {
  readonly size: number;
  /** 16 bytes. */
  readonly md5: Buffer;
  readonly contentType: string;
  /** Begins to read from the start; called again for every attempt. */
  readonly open: () => Readable;
}

/** Throttling, failures of the service and broken connections; with the SDK's pauses, 0 + 4 + 12 + 28 + 60 s, this gets over an interruption of a minute and a half. */
const RETRIES = { maxTries: 6, maxRetryDelayInMs: 60_000 };

/** One container, through the SDK; every request waits until a role that was just assigned works. Rejects with what the SDK throws. */
export class ContainerConnection {
  readonly target: ContainerTarget;
  readonly #options: ConnectionOptions;
  readonly #open: () => ContainerClient;
  #client: ContainerClient;

  private constructor(target: ContainerTarget, options: ConnectionOptions, open: () => ContainerClient) {
    this.target = target;
    this.#options = options;
    this.#open = open;
    this.#client = open();
  }

  static async open(target: ContainerTarget, options: ConnectionOptions): Promise<ContainerConnection> {
    // The SDK takes a tenth of a second to load, which commands without data should not pay.
    const { ContainerClient, newPipeline } = await import('@azure/storage-blob');
    const { credential, clientOptions } = options;
    const pipelineOptions = { ...clientOptions, retryOptions: { ...RETRIES, ...clientOptions?.retryOptions } };
    const url = `${target.endpoint}/${target.container}`;
    return new ContainerConnection(target, options, () => new ContainerClient(url, newPipeline(credential, pipelineOptions)));
  }

  /** Makes the container. */
  async create(): Promise<void> {
    await this.#run((client) => client.createIfNotExists({ abortSignal: this.#options.signal }));
  }

  /** All blobs whose names begin with a prefix, by name. */
  async list(prefix: string): Promise<Map<string, StoredBlob>> {
    return this.#run(async (client) => {
      const blobs = new Map<string, StoredBlob>();
      for await (const { name, properties } of client.listBlobsFlat({ prefix, abortSignal: this.#options.signal })) {
        blobs.set(name, { size: properties.contentLength ?? 0, md5: toBase64(properties.contentMD5) });
      }
      return blobs;
    });
  }

  async stat(blobName: string, signal: AbortSignal): Promise<StoredBlob> {
    return this.#run(async (client) => {
      const { contentLength, contentMD5 } = await client.getBlobClient(blobName).getProperties({ abortSignal: signal });
      return { size: contentLength ?? 0, md5: toBase64(contentMD5) };
    });
  }

  /** Writes a blob in one request, whose bytes the service compares with their MD5. */
  async put(blobName: string, { size, md5, contentType, open }: BlobContent, signal: AbortSignal): Promise<void> {
    await this.#run((client) =>
      client.getBlockBlobClient(blobName).upload(open, size, {
        abortSignal: signal,
        transactionalContentMD5: md5,
        blobHTTPHeaders: { blobContentMD5: md5, blobContentType: contentType },
      }),
    );
  }

  /** Sends a block, which the service compares with its MD5 and keeps for a week until it is committed. */
  async stage(blobName: string, blockId: string, bytes: Buffer, md5: Buffer, signal: AbortSignal): Promise<void> {
    await this.#run((client) =>
      client.getBlockBlobClient(blobName).stageBlock(blockId, bytes, bytes.length, { abortSignal: signal, transactionalContentMD5: md5 }),
    );
  }

  /** Ids and lengths of the blocks that were sent and not committed. */
  async stagedBlocks(blobName: string, signal: AbortSignal): Promise<Map<string, number>> {
    return this.#run(async (client) => {
      try {
        const { uncommittedBlocks = [] } = await client.getBlockBlobClient(blobName).getBlockList('uncommitted', { abortSignal: signal });
        return new Map(uncommittedBlocks.map(({ name, size }) => [name, size]));
      } catch (error) {
        if (storageErrorCode(error) === 'BlobNotFound') return new Map<string, number>();
        throw error;
      }
    });
  }

  /** Makes staged blocks the blob. Until then readers see the old blob, or none. */
  async commit(blobName: string, blockIds: string[], md5: Buffer, contentType: string, signal: AbortSignal): Promise<void> {
    await this.#run((client) =>
      client.getBlockBlobClient(blobName).commitBlockList(blockIds, {
        abortSignal: signal,
        blobHTTPHeaders: { blobContentMD5: md5, blobContentType: contentType },
      }),
    );
  }

  async #run<T>(request: (client: ContainerClient) => Promise<T>): Promise<T> {
    const { signal, clock, onPropagationWait } = this.#options;
    let used = this.#client;
    return whilePropagating(
      (attempt) => {
        // A client keeps its token until that expires; another one asks for another. Requests that were refused together share it.
        if (attempt > 0 && used === this.#client) this.#client = this.#open();
        used = this.#client;
        return request(used);
      },
      { signal, clock, onWait: (wait) => onPropagationWait?.(this.target, wait) },
    );
  }
}

function toBase64(md5: Uint8Array | undefined): string | undefined {
  return md5 === undefined || md5.length === 0 ? undefined : Buffer.from(md5).toString('base64');
}

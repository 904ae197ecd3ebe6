import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { OriginError } from './answers.ts';

/** How to take uploads. */
export interface UploadOptions {
  /** `keep`: blobs become files of the folder. `discard`: bytes are thrown away, and only lengths and MD5s are known afterwards. */
  readonly uploads: 'keep' | 'discard';
  /** Compare what arrives with its Content-MD5, as the service does. Default false: hashing would be most of what the origin does. */
  readonly checkMd5?: boolean;
}

/** A blob that was uploaded. */
export interface UploadedBlob {
  readonly size: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Base64, as the client gave it; undefined when it gave none. */
  readonly md5: string | undefined;
}

interface Block {
  readonly size: number;
  /** Undefined when the bytes were thrown away. */
  readonly file: string | undefined;
}

/** Takes blobs, whole or in blocks, and remembers what was said of them. */
export class Uploads implements AsyncDisposable {
  readonly #options: UploadOptions;
  /** Hidden, and so no account. */
  readonly #temporary: string;
  readonly #blobs = new Map<string, UploadedBlob>();
  readonly #blocks = new Map<string, Map<string, Block>>();

  /** @param root folder of the accounts */
  constructor(root: string, options: UploadOptions) {
    this.#options = options;
    this.#temporary = join(root, `.uploads-${randomUUID()}`);
  }

  /** The last blob that was uploaded to this path; undefined when there is none. */
  find(path: string): UploadedBlob | undefined {
    return this.#blobs.get(path);
  }

  /** Put Blob; see https://learn.microsoft.com/rest/api/storageservices/put-blob */
  async putBlob(path: string, request: IncomingMessage): Promise<UploadedBlob> {
    return this.#complete(
      path,
      [await this.#receive(request)],
      headerOf(request, 'x-ms-blob-content-md5') ?? headerOf(request, 'content-md5'),
    );
  }

  /** Put Block; see https://learn.microsoft.com/rest/api/storageservices/put-block */
  async putBlock(path: string, id: string, request: IncomingMessage): Promise<void> {
    const block = await this.#receive(request);
    const blocks = this.#blocks.get(path) ?? new Map<string, Block>();
    this.#blocks.set(path, blocks.set(id, block));
  }

  /** Put Block List, of blocks that were not committed yet; see https://learn.microsoft.com/rest/api/storageservices/put-block-list */
  async putBlockList(path: string, request: IncomingMessage): Promise<UploadedBlob> {
    const xml = await text(request);
    const ids = [...xml.matchAll(/<(Latest|Uncommitted)>([^<]*)<\/\1>/g)].map(([, , id = '']) => id);
    const blocks = ids.map((id) => this.#blocks.get(path)?.get(id));
    if (!blocks.every((block) => block !== undefined)) throw new OriginError(400, 'InvalidBlockList');
    return this.#complete(path, blocks, headerOf(request, 'x-ms-blob-content-md5'));
  }

  /** Get Block List, the uncommitted ones; undefined when nothing was ever sent. */
  blockListXml(path: string): string | undefined {
    const blocks = this.#blocks.get(path);
    if (blocks === undefined && !this.#blobs.has(path)) return undefined;
    const list = [...(blocks ?? [])].map(([id, { size }]) => `<Block><Name>${id}</Name><Size>${size}</Size></Block>`);
    return `<?xml version="1.0" encoding="utf-8"?><BlockList><UncommittedBlocks>${list.join('')}</UncommittedBlocks></BlockList>`;
  }

  async #receive(request: IncomingMessage): Promise<Block> {
    const expected = headerOf(request, 'content-md5');
    const hash = this.#options.checkMd5 === true && expected !== undefined ? createHash('md5') : undefined;
    let size = 0;
    const file = this.#options.uploads === 'keep' ? join(this.#temporary, randomUUID()) : undefined;
    if (file !== undefined) await mkdir(this.#temporary, { recursive: true });
    // Listening is faster than `for await`, and this is what clients are measured against.
    request.on('data', (piece: Buffer) => {
      size += piece.length;
      hash?.update(piece);
    });
    await (file === undefined ? once(request, 'end') : pipeline(request, createWriteStream(file)));
    if (hash !== undefined && hash.digest('base64') !== expected) throw new OriginError(400, 'Md5Mismatch');
    return { size, file };
  }

  async #complete(path: string, blocks: readonly Block[], md5: string | undefined): Promise<UploadedBlob> {
    const files = blocks.flatMap(({ file }) => file ?? []);
    if (this.#options.uploads === 'keep') {
      await mkdir(this.#temporary, { recursive: true });
      const whole = join(this.#temporary, randomUUID());
      await pipeline(concatenated(files), createWriteStream(whole));
      await mkdir(dirname(path), { recursive: true });
      await rename(whole, path);
      // Blocks that the list does not name go as well.
      const staged = [...(this.#blocks.get(path)?.values() ?? [])].flatMap(({ file }) => file ?? []);
      for (const file of new Set([...files, ...staged])) await rm(file);
    }
    this.#blocks.delete(path);
    const size = blocks.reduce((sum, block) => sum + block.size, 0);
    const blob = { size, etag: `"${randomUUID()}"`, lastModifiedMs: Date.now(), md5 };
    this.#blobs.set(path, blob);
    return blob;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#temporary, { recursive: true, force: true });
  }
}

async function* concatenated(files: readonly string[]): AsyncGenerator<Buffer, void> {
  for (const file of files) yield* createReadStream(file) as AsyncIterable<Buffer>;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  return request.headers[name]?.toString();
}

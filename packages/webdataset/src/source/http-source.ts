import { reasonOf, WebDatasetError } from '../errors.ts';
import type { Network } from './network.ts';
import type { ShardLocation } from './shard-bytes.ts';

/** Attempts without a single byte in between before a read is given up: with the pauses below, about 8 s of a server's absence. */
const MAX_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;
/** Also the longest `Retry-After` that is heeded: who asks for more is down. */
const MAX_PAUSE_MS = 30_000;

/** Statuses that another attempt may change. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a server says of a file before its bytes. */
interface Answer {
  /** Where the bytes begin in the file. */
  readonly start: number;
  /** Length of the whole file, where it is known. */
  readonly size: number | undefined;
  readonly ranges: boolean;
  readonly version: Version;
  readonly response: Response;
}

/** What changes when the file does. */
interface Version {
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly size: number | undefined;
}

/** Another attempt may work. */
class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * A file on a server. A read that breaks off goes on at the first missing byte, for as long as the server makes progress; all reads are of
 * the version that the first one saw (`ETag`, `Last-Modified`, length), or fail with `WDS_CHANGED`.
 */
export class HttpSource {
  readonly name: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #network: Network;
  #version: Version | undefined;
  /** Without ranges a broken read starts over, and passes over what it had. */
  #ranges = true;

  constructor({ name, url, headers = {} }: Extract<ShardLocation, { kind: 'http' }>, network: Network) {
    this.name = name;
    this.#url = url;
    this.#headers = headers;
    this.#network = network;
  }

  /** What the server says of the file, and its first bytes: up to `length`. One request. */
  async probe(length: number, signal?: AbortSignal): Promise<HttpProbe> {
    const head: Buffer[] = [];
    let have = 0;
    for await (const piece of this.stream(0, length, signal)) {
      head.push(piece);
      have += piece.length;
      if (have >= length) break;
    }
    const lastModified = Date.parse(this.#version?.lastModified ?? '');
    return {
      size: this.#version?.size,
      ranges: this.#ranges,
      head: Buffer.concat(head).subarray(0, length),
      ...(Number.isNaN(lastModified) ? {} : { mtimeMs: lastModified }),
    };
  }

  /**
   * The bytes from `start` to `end` (exclusive; default: the end of the file). Leaving the loop ends the request.
   *
   * @throws {@link WebDatasetError} `WDS_READ`, `WDS_CHANGED`; the reason of the signal
   */
  async *stream(start = 0, end = Infinity, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    let position = start;
    for (let failures = 0; position < end;) {
      try {
        for await (const piece of this.#attempt(position, end, signal)) {
          failures = 0;
          position += piece.length;
          yield piece;
        }
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Interruption)) throw error;
        if (++failures === MAX_ATTEMPTS) {
          throw this.#fault(`${error.message} (${MAX_ATTEMPTS} attempts); check the server and the network`, position, error);
        }
        await this.#network.wait(this.#pause(failures, error.retryAfterMs), signal).finally(() => signal?.throwIfAborted());
      }
    }
  }

  /** One request and its bytes, those before `position` left out. */
  async *#attempt(position: number, end: number, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void, undefined> {
    using patience = new Patience(this.#network.stallMs, signal);
    const answer = await this.#request(position, end, patience);
    if (answer === undefined) return;
    const last = Math.min(end, answer.size ?? end);
    let at = answer.start;
    for await (const piece of bodyOf(answer.response, patience)) {
      const wanted = piece.subarray(Math.max(0, position - at), Math.max(0, last - at));
      at += piece.length;
      if (wanted.length > 0) yield wanted;
      if (at >= last) return;
    }
    if (last !== Infinity && at < last) throw new Interruption('the server closed the connection early');
  }

  /** Asks for bytes; undefined when the file has none from `position` on. */
  async #request(position: number, end: number, patience: Patience): Promise<Answer | undefined> {
    const headers = this.#requestHeaders(position, end);
    const response = await patience.until(() => this.#network.fetch(this.#url, { headers, signal: patience.signal }));
    const answer = await this.#check(response, position);
    if (answer === undefined) return undefined;
    this.#version ??= answer.version;
    if (!isSame(this.#version, answer.version)) {
      await discard(response);
      throw this.#changed(position);
    }
    // A server may ignore ranges, but only where it was asked for one does that show.
    if (!answer.ranges && 'range' in headers) this.#ranges = false;
    return answer;
  }

  #requestHeaders(position: number, end: number): Record<string, string> {
    // Lengths and ranges count the bytes as they are sent, so these must be the file's own; fetch itself says so beside a range.
    if (!this.#ranges || (position === 0 && end === Infinity)) return { ...this.#headers, 'accept-encoding': 'identity' };
    const headers: Record<string, string> = { ...this.#headers, range: `bytes=${position}-${end === Infinity ? '' : end - 1}` };
    // Only strong tags can be compared by the server; the rest is compared here.
    const etag = this.#version?.etag;
    if (etag !== undefined && etag !== null && !etag.startsWith('W/')) headers['if-match'] = etag;
    return headers;
  }

  async #check(response: Response, position: number): Promise<Answer | undefined> {
    const { status, headers } = response;
    const version = { etag: headers.get('etag'), lastModified: headers.get('last-modified') };
    // fetch decodes it, so that neither lengths nor ranges are those of the bytes it gives.
    const isEncoded = !['', 'identity'].includes(headers.get('content-encoding') ?? '');
    if (isEncoded) this.#ranges = false;
    if (status === 206) {
      const [, first, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
      if (isEncoded || first === undefined || Number(first) !== position) {
        await discard(response);
        this.#ranges = false;
        throw new Interruption('the server answers a range with other bytes', { retryAfterMs: 0 });
      }
      return { start: position, size: Number(size), ranges: true, version: { ...version, size: Number(size) }, response };
    }
    if (status === 200) {
      const length = headers.get('content-length');
      const size = length === null || isEncoded ? undefined : Number(length);
      return { start: 0, size, ranges: false, version: { ...version, size }, response };
    }
    await discard(response);
    if (status === 416) {
      const size = Number(/^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1]);
      // Asked for the first bytes of an empty file, and nothing else.
      if (position === 0 && (this.#version === undefined || this.#version.size === 0)) {
        this.#version ??= { ...version, size: 0 };
        return undefined;
      }
      throw Number.isNaN(size) || size !== this.#version?.size ? this.#changed(position) : this.#refused(response, position);
    }
    if (status === 412) throw this.#changed(position);
    if (TRANSIENT_STATUSES.has(status)) {
      throw new Interruption(`the server answers HTTP ${status} ${response.statusText}`.trim(), { retryAfterMs: retryAfter(headers) });
    }
    throw this.#refused(response, position);
  }

  #pause(failures: number, retryAfterMs: number | undefined): number {
    if (retryAfterMs !== undefined) return Math.min(retryAfterMs, MAX_PAUSE_MS);
    return FIRST_PAUSE_MS * 2 ** (failures - 1) * (0.5 + this.#network.random() / 2);
  }

  #refused({ status, statusText }: Response, offset: number): WebDatasetError {
    return this.#fault(`the server answers HTTP ${`${status} ${statusText}`.trim()}; ${adviceFor(status)}`, offset);
  }

  #changed(offset: number): WebDatasetError {
    return new WebDatasetError('WDS_CHANGED', 'the shard was changed on its server while it was read; start again with the new one', {
      shard: this.name,
      offset,
    });
  }

  #fault(reason: string, offset: number, cause?: unknown): WebDatasetError {
    return new WebDatasetError('WDS_READ', `cannot fetch the shard: ${reason}`, { shard: this.name, offset, cause });
  }
}

/** What {@link HttpSource.probe} learns. */
export interface HttpProbe {
  /** Length of the file, where the server tells it. */
  readonly size: number | undefined;
  /** False when the server gives the file only as a whole. */
  readonly ranges: boolean;
  /** The first bytes. */
  readonly head: Buffer;
  readonly mtimeMs?: number;
}

/** Ends a request of the server's that has come to a halt, or is not wanted any more. */
class Patience implements Disposable {
  readonly signal: AbortSignal;
  readonly #stall = new AbortController();
  readonly #stallMs: number;

  constructor(stallMs: number, signal: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.signal = signal === undefined ? this.#stall.signal : AbortSignal.any([signal, this.#stall.signal]);
  }

  /** Waits for the server. Time that the reader takes between two waits does not count. */
  async until<T>(call: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#stall.abort();
    }, this.#stallMs);
    try {
      return await call();
    } catch (error) {
      throw this.#toInterruption(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends a body that was left in the middle. */
  [Symbol.dispose](): void {
    this.#stall.abort();
  }

  #toInterruption(error: unknown): Interruption {
    if (this.#stall.signal.aborted) return new Interruption(`the server sent nothing for ${this.#stallMs / 1000} s`, { cause: error });
    // `fetch failed` says nothing; its cause does.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return new Interruption(`the connection failed: ${reasonOf(cause)}`, { cause: error });
  }
}

async function* bodyOf({ body }: Response, patience: Patience): AsyncGenerator<Buffer, void, undefined> {
  if (body === null) return;
  const reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> = body.getReader();
  for (;;) {
    const { value } = await patience.until(() => reader.read());
    if (value === undefined) return;
    yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

/** Frees the connection of an answer that is not read. */
async function discard({ body }: Response): Promise<void> {
  // A connection that is broken already is free, too.
  await body?.cancel().catch(() => undefined);
}

function isSame(one: Version, other: Version): boolean {
  // What only one of two answers says cannot be compared.
  const agree = <T>(a: T | null | undefined, b: T | null | undefined): boolean => (a ?? b) === (b ?? a);
  return agree(one.etag, other.etag) && agree(one.lastModified, other.lastModified) && agree(one.size, other.size);
}

function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  return value !== null && /^\d+$/.test(value) ? Number(value) * 1000 : undefined;
}

function adviceFor(status: number): string {
  if (status === 404 || status === 410) return 'there is no such shard: check the URL';
  if (status === 401 || status === 403) return 'access is denied: check the credentials in the URL, or pass a custom shard that sends them';
  return 'check the URL';
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';

/** Azurite could not be started; the message carries what it printed. */
export class AzuriteStartError extends Error {
  override readonly name = 'AzuriteStartError';
  readonly code = 'AZURITE_START';
}

/** What the child is to serve. */
export interface AzuriteChildOptions {
  readonly keys: readonly { readonly name: string; readonly key: string }[];
  readonly directory: string | undefined;
  readonly blobPort: number;
  /** undefined: no queues. */
  readonly queuePort: number | undefined;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | undefined;
}

/** Where the servers of the child listen: `http://127.0.0.1:PORT`. */
export interface AzuriteAddresses {
  readonly blob: string;
  /** Absent without queues. */
  readonly queue?: string;
}

/** Azurite needs 1 to 6 s from a cold disk on a busy machine; ten times that is a hang. */
const START_LIMIT_MS = 60_000;
/** Time to write the data folder out after SIGTERM before SIGKILL. */
const STOP_LIMIT_MS = 10_000;
/** What is kept of the server's output for the error message. */
const OUTPUT_LINES_KEPT = 20;

/** The process in which Azurite runs, read through what it prints. */
export class AzuriteChild {
  /** Settles when the process has ended. */
  readonly closed: Promise<void>;
  readonly #process: ChildProcess;
  readonly #servers: number;

  constructor(options: AzuriteChildOptions) {
    this.#process = spawnAzurite(options);
    this.#servers = options.queuePort === undefined ? 1 : 2;
    this.closed = once(this.#process, 'close').then(() => undefined);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The addresses that the child says it listens on, once it has said all of them. */
  listening(signal: AbortSignal | undefined): Promise<AzuriteAddresses> {
    const child = this.#process;
    const output: string[] = [];
    const addresses = new Map<string, string>();
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    const stop = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    return new Promise((resolve, reject) => {
      const fail = (why: string, cause?: unknown): void =>
        reject(new AzuriteStartError(`Azurite ${why}${output.length > 0 ? `; it printed: ${output.join(' | ')}` : ''}`, { cause }));
      const watch = (stream: NodeJS.ReadableStream | null): void => {
        if (stream === null) return;
        createInterface({ input: stream }).on('line', (line) => {
          const [, service, address] = /(Blob|Queue) service successfully listens on (https?:\/\/\S+)/.exec(line) ?? [];
          if (service !== undefined && address !== undefined) addresses.set(service, address);
          const [blob, queue] = [addresses.get('Blob'), addresses.get('Queue')];
          if (blob !== undefined && addresses.size === this.#servers) resolve({ blob, ...(queue === undefined ? {} : { queue }) });
          output.push(line);
          if (output.length > OUTPUT_LINES_KEPT) output.shift();
        });
      };
      watch(child.stdout);
      watch(child.stderr);
      child.once('error', (error) => fail(`could not be started (${error.message})`, error));
      child.once('close', (code, killer) => fail(`ended at its start (${killer ?? `exit code ${code ?? 'unknown'}`})`));
      stop.addEventListener('abort', () => {
        if (signal?.aborted === true) reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        else fail(`did not listen within ${START_LIMIT_MS / 1000} s`);
      });
    });
  }

  /** Has the data folder written out; at most some seconds. */
  async save(): Promise<void> {
    if (this.#process.kill('SIGTERM')) await Promise.race([this.closed, this.#saved()]);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.closed;
  }

  /** All servers have written out (or it takes too long). The process itself would wait on for its clients' idle connections. */
  #saved(): Promise<void> {
    return new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, STOP_LIMIT_MS);
      let printed = '';
      this.#process.stdout?.on('data', (data: Buffer) => {
        printed += data.toString();
        if (printed.split('successfully closed').length - 1 < this.#servers) return;
        clearTimeout(limit);
        resolve();
      });
      this.#process.once('close', () => clearTimeout(limit));
    });
  }
}

function spawnAzurite({ keys, directory, blobPort, queuePort, tls }: AzuriteChildOptions): ChildProcess {
  const script = import.meta.url.endsWith('.ts') ? './azurite-process.ts' : './azurite-process.js';
  const flags = [
    ...['--blobHost', '127.0.0.1', '--blobPort', String(blobPort)],
    ...(queuePort === undefined ? [] : ['--queueHost', '127.0.0.1', '--queuePort', String(queuePort)]),
    // Current SDKs ask for a newer API version than Azurite knows; what this package uses has not changed for years.
    ...['--silent', '--skipApiVersionCheck', '--disableTelemetry'],
    ...(directory === undefined ? ['--inMemoryPersistence'] : ['--location', directory]),
    ...(tls === undefined ? [] : ['--cert', tls.certificateFile, '--key', tls.keyFile, '--oauth', 'basic']),
  ];
  return fork(new URL(script, import.meta.url), flags, {
    cwd: tmpdir(),
    env: { ...process.env, AZURITE_ACCOUNTS: keys.map(({ name, key }) => `${name}:${key}`).join(';') },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Out of the terminal's foreground group: Ctrl-C must reach the owner, who stops its own parts in the right order.
    detached: true,
  });
}

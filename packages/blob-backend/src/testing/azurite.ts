import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';

/** How to start Azurite. */
export interface AzuriteOptions {
  /** Storage accounts to serve: names of 3 to 24 lower-case letters and digits. A key is made at random unless given (base64). */
  readonly accounts: readonly { readonly name: string; readonly key?: string }[];
  /** Folder that keeps the data over restarts, made if missing and left in place. Default: data lives in memory, nothing is written. */
  readonly directory?: string;
  /** TCP port on 127.0.0.1. Default 0: a free one. */
  readonly port?: number;
  /** PEM files for HTTPS. Bearer tokens are accepted too then: any unsigned token made out to `https://storage.azure.com`. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  readonly signal?: AbortSignal;
}

/** One account of a running Azurite. */
export interface AzuriteAccount {
  readonly name: string;
  /** Account key, base64. */
  readonly key: string;
  readonly connectionString: string;
  /** Path-style endpoint, `http://127.0.0.1:PORT/NAME`. */
  readonly blobEndpoint: string;
}

/** A running Azurite blob server. Disposing stops it and waits for its end. */
export interface Azurite extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly accounts: readonly AzuriteAccount[];
  /** Settles when the server has ended, whoever ended it. */
  readonly closed: Promise<void>;
}

/** Azurite could not be started; the message carries what it printed. */
export class AzuriteStartError extends Error {
  override readonly name = 'AzuriteStartError';
  readonly code = 'AZURITE_START';
}

/** Azurite needs 1 to 6 s from a cold disk on a busy machine; ten times that is a hang. */
const START_LIMIT_MS = 60_000;
/** Time to write the data folder out after SIGTERM before SIGKILL. */
const STOP_LIMIT_MS = 10_000;
/** What is kept of the server's output for the error message. */
const OUTPUT_LINES_KEPT = 20;

const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;

/**
 * Starts Azurite's blob server as a child process on 127.0.0.1 and waits until it answers. The child ends with this process, however
 * this process ends. The npm package `azurite` must be installed.
 */
export async function startAzurite(options: AzuriteOptions): Promise<Azurite> {
  options.signal?.throwIfAborted();
  const keys = options.accounts.map(({ name, key }) => {
    if (!ACCOUNT_NAME.test(name)) throw new AzuriteStartError(`account name "${name}" must be 3 to 24 lower-case letters and digits`);
    return { name, key: key ?? randomBytes(64).toString('base64') };
  });
  if (keys.length === 0) throw new AzuriteStartError('at least one account is needed');
  assertInstalled();

  const child = spawnAzurite(options, keys);
  const closed = once(child, 'close').then(() => undefined);
  try {
    const address = await listening(child, options.signal);
    // Any answer will do: there is no such account, but there is a server. (Nobody trusts its certificate here.)
    if (options.tls === undefined) await (await fetch(address, { signal: options.signal ?? null })).body?.cancel();
    return runningAzurite(child, closed, address, keys, options.directory !== undefined);
  } catch (error) {
    child.kill('SIGKILL');
    await closed;
    throw error;
  }
}

function assertInstalled(): void {
  try {
    createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  } catch (cause) {
    throw new AzuriteStartError('the npm package "azurite" is not installed; run: npm install --save-dev azurite', { cause });
  }
}

function spawnAzurite(options: AzuriteOptions, keys: readonly { name: string; key: string }[]): ChildProcess {
  const script = import.meta.url.endsWith('.ts') ? './azurite-process.ts' : './azurite-process.js';
  const flags = [
    ...['--blobHost', '127.0.0.1', '--blobPort', String(options.port ?? 0)],
    // Current SDKs ask for a newer API version than Azurite knows; what this package uses has not changed for years.
    ...['--silent', '--skipApiVersionCheck', '--disableTelemetry'],
    ...(options.directory === undefined ? ['--inMemoryPersistence'] : ['--location', options.directory]),
    ...(options.tls === undefined ? [] : ['--cert', options.tls.certificateFile, '--key', options.tls.keyFile, '--oauth', 'basic']),
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

/** The address that the child says it listens on. */
async function listening(child: ChildProcess, signal: AbortSignal | undefined): Promise<string> {
  const output: string[] = [];
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  const stop = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new AzuriteStartError(`Azurite ${why}${output.length > 0 ? `; it printed: ${output.join(' | ')}` : ''}`, { cause }));
    const watch = (stream: NodeJS.ReadableStream | null): void => {
      if (stream === null) return;
      createInterface({ input: stream }).on('line', (line) => {
        const address = /successfully listens on (https?:\/\/\S+)/.exec(line)?.[1];
        if (address !== undefined) resolve(address);
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

/** The data folder is written out (or it takes too long). The process itself would wait on for its clients' idle connections. */
async function saved(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, STOP_LIMIT_MS);
    child.stdout?.on('data', (data: Buffer) => {
      if (!data.includes('successfully closed')) return;
      clearTimeout(limit);
      resolve();
    });
    child.once('close', () => clearTimeout(limit));
  });
}

function runningAzurite(
  child: ChildProcess,
  closed: Promise<void>,
  address: string,
  keys: readonly { name: string; key: string }[],
  keepsData: boolean,
): Azurite {
  const { protocol, port } = new URL(address);
  const scheme = protocol.slice(0, -1);
  return {
    pid: child.pid ?? 0,
    port: Number(port),
    closed,
    accounts: keys.map(({ name, key }) => {
      const blobEndpoint = `${scheme}://127.0.0.1:${port}/${name}`;
      return {
        name,
        key,
        blobEndpoint,
        connectionString: `DefaultEndpointsProtocol=${scheme};AccountName=${name};AccountKey=${key};BlobEndpoint=${blobEndpoint};`,
      };
    }),
    async [Symbol.asyncDispose]() {
      if (keepsData && child.kill('SIGTERM')) await Promise.race([closed, saved(child)]);
      child.kill('SIGKILL');
      await closed;
    },
  };
}

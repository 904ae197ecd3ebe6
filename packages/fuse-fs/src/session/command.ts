import { spawn, type StdioOptions } from 'node:child_process';

/** How a command ended. */
export interface CommandResult {
  /** Exit status; undefined if it was killed, ran out of time, or could not be started. */
  readonly status: number | undefined;
  /** Standard output and standard error, in the C locale, trimmed. */
  readonly output: string;
}

/**
 * Runs a small system command such as mount(8). Asynchronous, because such a command may ask the very file system that this process
 * serves.
 *
 * @param options `extraDescriptors` become 3, 4, … of the command; past `timeoutMs` it is killed.
 * @throws the signal's reason, when the command has ended; it may have done its work all the same.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly timeoutMs?: number;
    readonly extraDescriptors?: readonly number[];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(options.extraDescriptors ?? [])];
  const child = spawn(command, args, {
    stdio,
    env: { ...process.env, ...options.environment, LC_ALL: 'C' },
    signal: options.signal,
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      // Of an abort: the command has been killed, and its end follows.
      if (options.signal?.aborted !== true) resolve({ status: undefined, output: `${command}: ${error.message}` });
    });
    child.on('close', (status) => {
      if (options.signal?.aborted === true) reject(options.signal.reason as Error);
      else resolve({ status: status ?? undefined, output: output.trim() });
    });
  });
}

/** The `code` of a system error (`ENOENT`), or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Something that must not outlive the demo. */
export type Guarded = { readonly child: number } | { readonly folder: string; readonly keep: boolean };

/** One line to the guard's process. */
export interface GuardMessage {
  readonly action: 'add' | 'remove';
  readonly what: Guarded;
}

/**
 * The last line of defence: a process of its own that knows what must not outlive the demo, and takes it down when the demo ends without
 * having done so, as after `kill -9`. It learns of that end because the pipe to it closes.
 */
export class Guard implements AsyncDisposable {
  readonly #process: ChildProcess;

  constructor() {
    this.#process = spawn(process.execPath, [...process.execArgv, fileURLToPath(new URL('./guard-process.ts', import.meta.url))], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // Without a guard the demo still cleans up after itself; only a kill -9 of it would leave something behind.
    this.#process.on('error', () => undefined);
    this.#process.stdin?.on('error', () => undefined);
    this.#process.unref();
  }

  add(what: Guarded): void {
    this.#send({ action: 'add', what });
  }

  remove(what: Guarded): void {
    this.#send({ action: 'remove', what });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.ref();
    this.#process.stdin?.end();
    await exited;
  }

  #send(message: GuardMessage): void {
    this.#process.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}

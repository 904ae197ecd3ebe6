import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Ended } from './running-program.ts';

const HOST = fileURLToPath(new URL('program-host-process.ts', import.meta.url));
const PROGRAM = new URL('../../../apps/infra/src/program.ts', import.meta.url).href;

/** What is run where, with which variables and no others. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * A process that runs `warpforge-infra` again and again: its start takes longer than most of its commands. There is no terminal, and
 * nothing can be typed. Disposing ends it.
 */
export class ProgramHost implements AsyncDisposable {
  readonly #process: ChildProcess;
  #last: Promise<unknown>;

  constructor() {
    this.#process = fork(HOST, [PROGRAM], { execArgv: ['--conditions=@warpforge/source'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#last = once(this.#process, 'message');
  }

  /** Runs a command line to its end, after those before it. */
  async run(line: CommandLine): Promise<Ended> {
    const before = this.#last;
    const ended = before.then(() => this.#answer(line));
    // Whoever asked for it hears of a failure; the next one starts anyway.
    this.#last = ended.catch(() => undefined);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const over = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await over;
  }

  #answer(line: CommandLine): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error(`warpforge-infra ${line.args.join(' ')} has ended its process`));
      this.#process.once('exit', onExit);
      this.#process.once('message', (ended) => {
        this.#process.off('exit', onExit);
        resolve(ended as Ended);
      });
      this.#process.send(line);
    });
  }
}

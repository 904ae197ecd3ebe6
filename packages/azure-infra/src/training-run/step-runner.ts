import type { Machine, OutputStream } from '../machine/machine.ts';
import { TrainingRunError } from './errors.ts';
import { LogTail } from './log-tail.ts';
import { shellCommand } from './shell-command.ts';

/** What the shell exits with when there is no such program. */
const NOT_FOUND = 127;

/** One program that has to succeed. */
export interface Step {
  /** For messages: `warming datasets-cac`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly asRoot?: boolean;
  /** Takes what it prints. Without it, and where it returns false, a line is part of the message when the step fails. */
  readonly onLine?: (stream: OutputStream, line: string) => boolean;
}

/** Runs programs on a machine, one after the other. */
export class StepRunner {
  readonly #machine: Machine;
  readonly #programFolders: readonly string[];

  constructor(machine: Machine, programFolders: readonly string[]) {
    this.#machine = machine;
    this.#programFolders = programFolders;
  }

  /** @throws {TrainingRunError} `RUN_STEP_FAILED` where the program does not end with 0; what {@link Machine.run} throws. */
  async run(step: Step, signal: AbortSignal): Promise<void> {
    const log = new LogTail();
    const code = await this.exitCode(step, log, signal);
    if (code !== 0) throw this.failure(step, code, log);
  }

  /** Runs it and returns its exit code; `log` gets what nobody took. */
  async exitCode({ command, asRoot = false, onLine }: Step, log: LogTail, signal: AbortSignal): Promise<number> {
    return this.#machine.run(shellCommand(command, { programFolders: this.#programFolders }), {
      signal,
      asRoot,
      onLine: (stream, line) => {
        if (onLine?.(stream, line) !== true) log.push(line);
      },
    });
  }

  /** Why a step failed. */
  failure({ name, command: [program] }: Step, code: number, log: LogTail): TrainingRunError {
    const where = this.#machine.description;
    return new TrainingRunError(
      'RUN_STEP_FAILED',
      code === NOT_FOUND
        ? `${name} failed: there is no program ${program} on ${where}; "warpforge-infra setup" installs it${log.text}`
        : `${name} failed on ${where} with exit code ${code}${log.text}`,
    );
  }
}

import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MachineError } from './errors.ts';
import type { Machine, RunOptions } from './machine.ts';
import { runProgram } from './run-program.ts';
import { shellSession } from './shell-session.ts';

/** This machine, which must be Linux for scripts to run. */
export class LocalMachine implements Machine {
  readonly description = 'this machine';

  run(script: string, { signal, onLine, asRoot = false }: RunOptions): Promise<number> {
    const { command, input } = shellSession(script, asRoot);
    return runProgram(command, { signal, onLine, input });
  }

  async copyTo(localFiles: readonly string[], folder: string, signal: AbortSignal): Promise<void> {
    try {
      await mkdir(folder, { recursive: true });
      for (const file of localFiles) {
        signal.throwIfAborted();
        await copyFile(file, join(folder, basename(file)));
      }
    } catch (error) {
      signal.throwIfAborted();
      throw new MachineError(
        'MACHINE_COPY_FAILED',
        `could not copy to ${folder}: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

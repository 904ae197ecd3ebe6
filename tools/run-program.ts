import type { Command } from 'commander';
import { MissingPackagesError } from './system-packages.ts';

/** Runs the program that the command line asks for. Packages that are missing and cannot be installed are told in one line. */
export async function runProgram(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof MissingPackagesError)) throw error;
    program.error(error.message, { exitCode: 1 });
  }
}

import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { addCacheWarmerCommand } from '../../src/commands/cachewarmer/cachewarmer.ts';
import { resolveContext } from '../../src/command-context.ts';
import { EXIT, exitCodeOf, explain } from '../../src/failure.ts';

/** What a command has printed, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `warpforge-infra cachewarmer …` in this process, since each start of the program takes a second. */
export async function runCacheWarmer(...args: string[]): Promise<Ran> {
  const program = new Command('warpforge-infra').exitOverride();
  addCacheWarmerCommand(program, resolveContext);
  const printed = { stdout: '', stderr: '' };
  const streams = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  const ended = (code: number, reason = ''): Ran => ({ code, out: printed.stdout, err: printed.stderr + reason });
  try {
    await program.parseAsync(['cachewarmer', ...args], { from: 'user' });
    return ended(Number(process.exitCode ?? 0));
  } catch (error) {
    return error instanceof CommanderError ? ended(EXIT.usage) : ended(exitCodeOf(error), explain(error));
  } finally {
    process.exitCode = undefined;
    for (const stream of streams) stream.mockRestore();
  }
}

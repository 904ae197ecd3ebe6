import { spawn } from 'node:child_process';

/** How to run a command. */
export interface CommandOptions {
  /** Working directory; default: the repository root. */
  readonly cwd?: string;
  /** Show the output only when the command fails. */
  readonly quiet?: boolean;
  /** With `quiet`: show nothing even then, because the caller tries something else. */
  readonly quietFailure?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program found on PATH (`node_modules/.bin` comes first) and says whether it succeeded. Its output goes to the terminal. */
export async function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<boolean> {
  const quiet = options.quiet ?? false;
  const child = spawn(program, args, {
    cwd: options.cwd ?? process.cwd(),
    env: options.env ?? process.env,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout?.on('data', (data: Buffer) => output.push(data));
  child.stderr?.on('data', (data: Buffer) => output.push(data));
  const code = await new Promise<number>((resolve) => {
    child.on('error', (error) => {
      output.push(Buffer.from(`${program}: ${error.message}\n`));
      resolve(127);
    });
    child.on('close', (exitCode) => resolve(exitCode ?? 1));
  });
  if (code !== 0 && quiet && options.quietFailure !== true) process.stdout.write(Buffer.concat(output));
  return code === 0;
}

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { runProgram } from '../src/program.ts';

const BIN = fileURLToPath(new URL('../bin/warpforge-infra.mjs', import.meta.url));

/** How a program has ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what a program runs: its environment has nothing but what is given, and `PATH`. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs `warpforge-infra` as a user would, as a process. */
export function startWarpforgeInfra(
  args: readonly string[],
  { env = {}, cwd, input = '' }: Surroundings & { readonly input?: string } = {},
): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    input,
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stdout, stderr };
}

/** Runs the same in this process, since each start takes a second: no two at once, and none that reads standard input. */
export async function warpforgeInfra(args: readonly string[], { env = {}, cwd = process.cwd() }: Surroundings = {}): Promise<Ended> {
  const before = { env: { ...process.env }, cwd: process.cwd() };
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  setEnvironment({ PATH: before.env['PATH'], ...env });
  process.chdir(cwd);
  try {
    return { status: await runProgram(args), ...printed };
  } finally {
    process.exitCode = undefined;
    process.chdir(before.cwd);
    setEnvironment(before.env);
    for (const spy of spies) spy.mockRestore();
  }
}

/** Of the process itself, not of a copy: the system's own functions look at it, too. */
function setEnvironment(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (variables[name] === undefined) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
}

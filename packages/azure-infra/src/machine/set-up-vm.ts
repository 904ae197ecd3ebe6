import { MachineError } from './errors.ts';
import type { Machine } from './machine.ts';
import type { LocalPackages } from './package-folder.ts';
import { runSetup, untilStarted, type RunSetupOptions } from './run-setup.ts';
import { parseCheck, type SetupItem } from './setup-report.ts';
import { checkScript, setupScript, type VmSetup } from './vm-setup.ts';

/** How a VM that runs already is set up. */
export interface SetUpOptions extends RunSetupOptions {
  readonly setup: VmSetup;
  /** Tarballs to install instead of the packages of the npm registry. */
  readonly packages?: LocalPackages | undefined;
  /** Runs the setup even where nothing seems to be missing. */
  readonly force?: boolean | undefined;
}

/** What the setup has found, or left. */
export interface SetUpResult {
  /** Whether the setup ran, or all was there. */
  readonly ran: boolean;
  readonly items: readonly SetupItem[];
}

/**
 * Sets a VM up: waits until it answers and cloud-init has ended, looks at what is there, and runs the setup only where something is
 * missing, or packages are given, or force is asked for.
 *
 * @throws {MachineError} `MACHINE_SETUP_FAILED` with what the failing step said; others as {@link Machine} throws them.
 */
export async function setUpVm(machine: Machine, options: SetUpOptions): Promise<SetUpResult> {
  const { setup, packages, signal, onStep } = options;
  await untilStarted(machine, options);
  onStep('looking at what is there');
  const before = await check(machine, setup, signal);
  if (packages === undefined && options.force !== true && before.every(({ present }) => present)) return { ran: false, items: before };
  await runSetup(machine, (folder) => setupScript(setup, folder), packages, options);
  onStep('looking once more at what is there');
  return { ran: true, items: await check(machine, setup, signal) };
}

async function check(machine: Machine, setup: VmSetup, signal: AbortSignal): Promise<SetupItem[]> {
  const lines: string[] = [];
  const status = await machine.run(checkScript(setup), { signal, onLine: (_stream, line) => void lines.push(line) });
  const items = parseCheck(lines);
  if (status === 0 && items.length > 0) return items;
  throw new MachineError(
    'MACHINE_SETUP_FAILED',
    `could not look at ${machine.description} (exit ${status}): ${lines.at(-1) ?? 'it said nothing'}`,
  );
}

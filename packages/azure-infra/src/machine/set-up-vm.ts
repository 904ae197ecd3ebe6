import { MachineError } from './errors.ts';
import type { Machine, OutputStream } from './machine.ts';
import type { LocalPackages } from './package-folder.ts';
import { parseCheck, type SetupItem } from './setup-report.ts';
import { checkScript, setupScript, type PackageFolder, type VmSetup } from './vm-setup.ts';

/** How a VM that runs already is set up. */
export interface SetUpOptions {
  readonly setup: VmSetup;
  /** Tarballs to install instead of the packages of the npm registry. */
  readonly packages?: LocalPackages | undefined;
  /** Runs the setup even where nothing seems to be missing. */
  readonly force?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Told what is done next, in words. */
  readonly onStep: (step: string) => void;
  /** Told what the machine prints meanwhile. */
  readonly onLine: (stream: OutputStream, line: string) => void;
  /** Waits; rejects when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What the setup has found, or left. */
export interface SetUpResult {
  /** Whether the setup ran, or all was there. */
  readonly ran: boolean;
  readonly items: readonly SetupItem[];
}

/** A VM that was just made answers to SSH after a minute or so; after these tries, it is not going to. */
const REACH_TRIES = 36;
const REACH_PAUSE_MS = 5_000;

/** A machine that does not take a folder away in this time has gone. */
const CLEAN_UP_LIMIT_MS = 15_000;

/** Ends well, too, where no cloud-init is: not every machine was made from a cloud's image. */
export const WAIT_FOR_CLOUD_INIT = `command -v cloud-init >/dev/null 2>&1 || exit 0
cloud-init status --wait >/dev/null && status=0 || status=$?
# 2: it has ended, with complaints that it could live with.
[ "$status" -ne 1 ] || cloud-init status --long
[ "$status" -ne 2 ] || status=0
exit "$status"
`;

/** Makes a folder for tarballs on the VM and prints its name. */
export const MAKE_PACKAGE_FOLDER = 'mktemp -d /tmp/warpforge-packages-XXXXXXXX\n';

/** Takes that folder away. */
export function removePackageFolder(folder: string): string {
  return `rm -rf -- ${folder}\n`;
}

/**
 * Sets a VM up: waits until it answers and cloud-init has ended, looks at what is there, and runs the setup only where something is
 * missing, or packages are given, or force is asked for.
 *
 * @throws {MachineError} `MACHINE_SETUP_FAILED` with what the failing step said; others as {@link Machine} throws them.
 */
export async function setUpVm(machine: Machine, options: SetUpOptions): Promise<SetUpResult> {
  const { setup, packages, signal, onStep } = options;
  onStep(`waiting for ${machine.description} to answer, and for its cloud-init to end`);
  if ((await untilStarted(machine, options)) !== 0) {
    onStep('cloud-init has ended with a failure; /var/log/cloud-init-output.log on the VM says more. The setup repairs what is missing');
  }
  onStep('looking at what is there');
  const before = await check(machine, setup, signal);
  if (packages === undefined && options.force !== true && before.every(({ present }) => present)) return { ran: false, items: before };
  if (packages === undefined) await runSetup(machine, setupScript(setup), options);
  else await withPackages(machine, packages, options, (folder) => runSetup(machine, setupScript(setup, folder), options));
  onStep('looking once more at what is there');
  return { ran: true, items: await check(machine, setup, signal) };
}

/** Waits for cloud-init on a machine that may not answer yet, or may go down once more while it waits. */
async function untilStarted(machine: Machine, { signal, onStep, onLine, sleep }: SetUpOptions): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      return await machine.run(WAIT_FOR_CLOUD_INIT, { signal, onLine });
    } catch (error) {
      if (!(error instanceof MachineError) || error.code !== 'MACHINE_UNREACHABLE' || tries === REACH_TRIES) throw error;
      if (tries === 1) onStep(`not yet: ${error.message}`);
      await sleep(REACH_PAUSE_MS, signal);
    }
  }
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

async function runSetup(machine: Machine, script: string, { signal, onStep, onLine }: SetUpOptions): Promise<void> {
  onStep(`setting ${machine.description} up`);
  let reason = 'it said nothing';
  const status = await machine.run(script, {
    signal,
    asRoot: true,
    onLine: (stream, line) => {
      if (stream === 'stderr') reason = line;
      onLine(stream, line);
    },
  });
  if (status !== 0) throw new MachineError('MACHINE_SETUP_FAILED', `${machine.description}: ${reason}`);
}

/** The tarballs are on the VM only while `use` runs. */
async function withPackages(
  machine: Machine,
  { files, release }: LocalPackages,
  { signal, onStep }: SetUpOptions,
  use: (packages: PackageFolder) => Promise<void>,
): Promise<void> {
  onStep(`copying ${files.length} packages to ${machine.description}`);
  let folder = '';
  const made = await machine.run(MAKE_PACKAGE_FOLDER, {
    signal,
    onLine: (_stream, line) => {
      folder = line;
    },
  });
  if (made !== 0)
    throw new MachineError('MACHINE_SETUP_FAILED', `could not make a folder for the packages on ${machine.description}: ${folder}`);
  try {
    await machine.copyTo(files, folder, signal);
    await use({ folder, release });
  } finally {
    // Also after Ctrl-C, which is why this has a signal of its own.
    const limit = AbortSignal.timeout(CLEAN_UP_LIMIT_MS);
    await machine.run(removePackageFolder(folder), { signal: limit, onLine: () => undefined }).catch((error: unknown) => {
      onStep(`${folder} is left on ${machine.description}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

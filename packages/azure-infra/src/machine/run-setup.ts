import { MachineError } from './errors.ts';
import type { Machine, OutputStream } from './machine.ts';
import type { LocalPackages } from './package-folder.ts';
import type { PackageFolder } from './vm-setup.ts';

/** How a setup runs on a machine, and who is told of it. */
export interface RunSetupOptions {
  readonly signal: AbortSignal;
  /** Told what is done next, in words. */
  readonly onStep: (step: string) => void;
  /** Told what the machine prints meanwhile. */
  readonly onLine: (stream: OutputStream, line: string) => void;
  /** Waits; rejects when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
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

/** Waits until a machine answers, which may go down once more meanwhile, and its cloud-init has ended, well or not. */
export async function untilStarted(machine: Machine, { signal, onStep, onLine, sleep }: RunSetupOptions): Promise<void> {
  onStep(`waiting for ${machine.description} to answer, and for its cloud-init to end`);
  for (let tries = 1; ; tries++) {
    try {
      if ((await machine.run(WAIT_FOR_CLOUD_INIT, { signal, onLine })) === 0) return;
      onStep('cloud-init has ended with a failure; /var/log/cloud-init-output.log on the VM says more. The setup repairs what is missing');
      return;
    } catch (error) {
      if (!(error instanceof MachineError) || error.code !== 'MACHINE_UNREACHABLE' || tries === REACH_TRIES) throw error;
      if (tries === 1) onStep(`not yet: ${error.message}`);
      await sleep(REACH_PAUSE_MS, signal);
    }
  }
}

/**
 * Runs the script of a setup as root. Tarballs, where there are any, are on the machine only meanwhile.
 *
 * @param script makes the script; told where the tarballs are, or undefined.
 * @throws {MachineError} `MACHINE_SETUP_FAILED` with what the failing step said; others as {@link Machine} throws them.
 */
export async function runSetup(
  machine: Machine,
  script: (packages: PackageFolder | undefined) => string,
  packages: LocalPackages | undefined,
  options: RunSetupOptions,
): Promise<void> {
  if (packages === undefined) await runScript(machine, script(undefined), options);
  else await withPackages(machine, packages, options, (folder) => runScript(machine, script(folder), options));
}

async function runScript(machine: Machine, script: string, { signal, onStep, onLine }: RunSetupOptions): Promise<void> {
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

async function withPackages(
  machine: Machine,
  { files, release }: LocalPackages,
  { signal, onStep }: RunSetupOptions,
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

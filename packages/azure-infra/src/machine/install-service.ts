import { LocalMachine } from './local-machine.ts';
import type { Machine } from './machine.ts';
import type { LocalPackages } from './package-folder.ts';
import { runSetup, untilStarted, type RunSetupOptions } from './run-setup.ts';
import type { PackageFolder } from './vm-setup.ts';

/**
 * Makes a machine that runs already a manager or a worker, with one of the scripts for that. Running it again starts the service anew and
 * changes nothing else.
 *
 * @param script makes the script; told where on the machine the tarballs are, or undefined.
 * @param packages tarballs of this machine to install; undefined: the script knows where the programs come from.
 * @throws {MachineError} `MACHINE_SETUP_FAILED` with what the failing step said; others as {@link Machine} throws them.
 */
export async function installService(
  machine: Machine,
  script: (packages: PackageFolder | undefined) => string,
  packages: LocalPackages | undefined,
  options: RunSetupOptions,
): Promise<void> {
  // On this machine it may be cloud-init itself that runs this.
  if (!(machine instanceof LocalMachine)) await untilStarted(machine, options);
  await runSetup(machine, script, packages, options);
}

import type { LocalPackages } from './package-folder.ts';
import { MAKE_PACKAGE_FOLDER, removePackageFolder, WAIT_FOR_CLOUD_INIT } from './run-setup.ts';
import { makeFolder, type SshMachine } from './ssh-machine.ts';
import { checkScript, setupScript, type PackageFolder, type VmSetup } from './vm-setup.ts';

/** A command of this machine that sets a VM up. */
export interface SetUpCommand {
  readonly purpose: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** The script that goes to its standard input and runs on the VM; absent where nothing does. */
  readonly script?: string;
}

/** Stands for the folder that the VM will make. */
const PACKAGE_FOLDER = '/tmp/warpforge-packages-XXXXXXXX';

/** Every command that `setUpVm` would run, in order. Nothing is run. */
export function setUpCommands(machine: SshMachine, setup: VmSetup, packages?: LocalPackages): SetUpCommand[] {
  const check = checkScript(setup);
  const purpose = packages === undefined ? 'where something is missing: set it up' : 'set it up';
  return [
    waitCommand(machine),
    scriptCommand(machine, 'look at what is there', check),
    ...setupCommands(machine, purpose, (folder) => setupScript(setup, folder), packages),
    scriptCommand(machine, 'look again', check),
  ];
}

/** Every command that `installService` would run. On this machine they are what a person would type to the same effect. */
export function installCommands(
  machine: SshMachine | undefined,
  script: (packages: PackageFolder | undefined) => string,
  packages?: LocalPackages,
): SetUpCommand[] {
  return [...(machine === undefined ? [] : [waitCommand(machine)]), ...setupCommands(machine, 'install', script, packages)];
}

function waitCommand(machine: SshMachine): SetUpCommand {
  return scriptCommand(machine, 'wait for cloud-init to end; again and again until the VM answers', WAIT_FOR_CLOUD_INIT);
}

/** The commands of `runSetup`. */
function setupCommands(
  machine: SshMachine | undefined,
  purpose: string,
  script: (packages: PackageFolder | undefined) => string,
  packages: LocalPackages | undefined,
): SetUpCommand[] {
  if (packages === undefined) return [scriptCommand(machine, purpose, script(undefined), true)];
  const { files, release } = packages;
  return [
    scriptCommand(machine, 'make a folder for the packages', MAKE_PACKAGE_FOLDER),
    scriptCommand(machine, 'see to it that the folder is there', makeFolder(PACKAGE_FOLDER)),
    { purpose: 'copy the packages', command: machine?.scpCommand(files, PACKAGE_FOLDER) ?? ['cp', '--', ...files, PACKAGE_FOLDER] },
    scriptCommand(machine, purpose, script({ folder: PACKAGE_FOLDER, release }), true),
    scriptCommand(machine, 'remove the folder', removePackageFolder(PACKAGE_FOLDER)),
  ];
}

/** @param machine undefined: this one. */
function scriptCommand(machine: SshMachine | undefined, purpose: string, script: string, asRoot = false): SetUpCommand {
  const here = asRoot ? ['sudo', '-n', 'sh'] : ['sh'];
  return { purpose, command: machine?.sshCommand(script, asRoot) ?? here, script };
}

import type { LocalPackages } from './package-folder.ts';
import { MAKE_PACKAGE_FOLDER, removePackageFolder, WAIT_FOR_CLOUD_INIT } from './set-up-vm.ts';
import { makeFolder, type SshMachine } from './ssh-machine.ts';
import { checkScript, setupScript, type VmSetup } from './vm-setup.ts';

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

/** Every command that {@link setUpVm} would run, in order. Nothing is run. */
export function setUpCommands(machine: SshMachine, setup: VmSetup, packages?: LocalPackages): SetUpCommand[] {
  const remote = (purpose: string, script: string, asRoot = false): SetUpCommand => ({
    purpose,
    command: machine.sshCommand(script, asRoot),
    script,
  });
  const check = checkScript(setup);
  const begin = [
    remote('wait for cloud-init to end; again and again until the VM answers', WAIT_FOR_CLOUD_INIT),
    remote('look at what is there', check),
  ];
  const end = remote('look again', check);
  if (packages === undefined) return [...begin, remote('where something is missing: set it up', setupScript(setup), true), end];
  return [
    ...begin,
    remote('make a folder for the packages', MAKE_PACKAGE_FOLDER),
    remote('see to it that the folder is there', makeFolder(PACKAGE_FOLDER)),
    { purpose: 'copy the packages', command: machine.scpCommand(packages.files, PACKAGE_FOLDER) },
    remote('set it up', setupScript(setup, { folder: PACKAGE_FOLDER, release: packages.release }), true),
    remote('remove the folder', removePackageFolder(PACKAGE_FOLDER)),
    end,
  ];
}

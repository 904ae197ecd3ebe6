import { checkedPath, shellScript, shellText, writeFiles } from './shell-script.ts';
import { vmFiles } from './vm-files.ts';

/** The Node release that the programs run on, which is the one that they are tested with. */
export const NODE_VERSION = '24.21.0';

/** Where the local NVMe disk of a VM is mounted. A cache under this folder lies on that disk, any other does not. */
export const NVME_MOUNT = '/mnt/nvme';

/** The label of the file system that the setup makes, by which it is known again after a restart. */
const NVME_LABEL = 'warpforge-cache';

/** The setup itself, and where cloud-init leaves it. */
export const SETUP_PROGRAM = '/usr/local/lib/warpforge/setup';

/** What a VM is set up for. */
export interface VmSetup {
  /** Directory under which the containers are mounted, such as `/wd`. */
  readonly mountPoint: string;
  /** Directory of the cache; under `/mnt/nvme` it lies on the local NVMe disk where there is one. */
  readonly cachePath: string;
  /** Version of the programs: that of this package. */
  readonly version: string;
}

/** Packages that lie on the VM as tarballs, instead of those of the npm registry. */
export interface PackageFolder {
  /** The folder on the VM. */
  readonly folder: string;
  /** Names the content: the same packages give the same name. */
  readonly release: string;
}

/**
 * The script that makes a VM ready: packages, Node, programs, local NVMe disk, units. It runs as root under the POSIX shell of Ubuntu
 * 24.04, changes nothing on a second run, prints a line for each step, and ends with 1 and a reason where one fails.
 *
 * @param packages tarballs on the VM; absent: the npm registry.
 * @throws {MachineError} `MACHINE_OPTION_INVALID` where a path could not stand in a shell script, in fstab and in a unit alike.
 */
export function setupScript(setup: VmSetup, packages?: PackageFolder): string {
  const settings = {
    DEBIAN_PACKAGES: 'fusermount3:fuse3 npm:npm mkfs.ext4:e2fsprogs',
    PROGRAM_PACKAGES: 'mount trainer infra webdataset',
    PROGRAM_FILES: 'mount/bin/warpdrive.mjs trainer/bin/warpforge-train.mjs infra/bin/warpforge-infra.mjs webdataset/bin/webdataset.mjs',
    MOUNT_POINT: checkedPath('mount point', setup.mountPoint),
    NODE_VERSION,
    PACKAGES: packages === undefined ? 'registry' : checkedPath('folder of the packages', packages.folder),
    PACKAGES_VERSION: setup.version,
    RELEASE: packages?.release ?? `${setup.version}-node${NODE_VERSION}`,
  };
  return shellScript(
    settings,
    shellText('prelude'),
    shellText('install-debian'),
    shellText('install-packages'),
    writeFiles(vmFiles(nvmeScript(setup.cachePath), NVME_MOUNT)),
    shellText('setup'),
  );
}

/** The script that says what of the setup is there; see {@link parseCheck} for what it prints. */
export function checkScript(setup: VmSetup): string {
  const settings = {
    CACHE_PATH: checkedPath('cache', setup.cachePath),
    MOUNT_POINT: checkedPath('mount point', setup.mountPoint),
    NODE_VERSION,
    PACKAGES_VERSION: setup.version,
  };
  return shellScript(settings, shellText('check'));
}

/** The script that mounts the local NVMe disk, at setup and at every boot. */
export function nvmeScript(cachePath: string): string {
  const settings = { CACHE_PATH: checkedPath('cache', cachePath), NVME_LABEL, NVME_MOUNT };
  return shellScript(settings, shellText('nvme-cache'));
}

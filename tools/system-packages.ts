import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { runCommand } from './command.ts';

/** A Debian or Ubuntu package that a test or a benchmark uses beyond Node. */
export interface SystemPackage {
  readonly name: string;
  /** What shows that it, or what stands in for it, is installed: programs on PATH, or files by their absolute paths. One is enough. */
  readonly shownBy: readonly string[];
  readonly neededBy: string;
  /** It brings a service, which nobody wants on their own machine for the sake of a test: only continuous integration installs it by itself. */
  readonly bringsService?: true;
}

/** Where Debian's own Python, and no other, finds modules. */
const PYTHON_MODULES = '/usr/lib/python3/dist-packages';

/** What tests use; the product itself needs none of it when it runs as root with /dev/fuse. */
export const TEST_PACKAGES: readonly SystemPackage[] = [
  { name: 'fuse3', shownBy: ['fusermount3'], neededBy: 'mounts of an ordinary user' },
  { name: 'python3', shownBy: ['python3'], neededBy: 'tar archives against Python' },
  { name: 'zstd', shownBy: ['zstd'], neededBy: 'shards packed by `tar --zstd`' },
  { name: 'python3-numpy', shownBy: [`${PYTHON_MODULES}/numpy`], neededBy: 'arrays against NumPy' },
  { name: 'python3-pil', shownBy: [`${PYTHON_MODULES}/PIL`], neededBy: 'scaled images against Pillow' },
  {
    name: 'chromium',
    // Ubuntu has it as a snap only; the runners of GitHub have Chrome.
    shownBy: ['/usr/lib/chromium/chromium', '/opt/google/chrome/chrome'],
    neededBy: "the trainer's report, and its WebGPU on the software driver that comes along",
  },
  { name: 'shellcheck', shownBy: ['shellcheck'], neededBy: 'the scripts that run on the VM' },
  { name: 'sudo', shownBy: ['sudo'], neededBy: 'commands as root on the VM' },
  { name: 'fdisk', shownBy: ['sfdisk', '/usr/sbin/sfdisk'], neededBy: 'disks with partitions, which setup must not touch' },
  { name: 'e2fsprogs', shownBy: ['mkfs.ext4', '/usr/sbin/mkfs.ext4'], neededBy: 'disks with file systems, which setup must not touch' },
  { name: 'procps', shownBy: ['ps'], neededBy: 'what a command leaves behind' },
  { name: 'systemd', shownBy: ['systemd-analyze'], neededBy: 'the units of the VM', bringsService: true },
  { name: 'openssh-client', shownBy: ['ssh', 'ssh-keygen'], neededBy: 'commands on the VM' },
  { name: 'openssh-server', shownBy: ['/usr/sbin/sshd'], neededBy: 'the stand-in for the VM', bringsService: true },
  { name: 'cloud-init', shownBy: ['cloud-init'], neededBy: "the schema of the VM's user data", bringsService: true },
];

/** What the benchmarks of the mount use: the load generator and the peer. */
export const MOUNT_BENCHMARK_PACKAGES: readonly SystemPackage[] = [
  { name: 'fio', shownBy: ['fio'], neededBy: 'the load' },
  { name: 'rclone', shownBy: ['rclone'], neededBy: 'the peer' },
  { name: 'fuse3', shownBy: ['fusermount3'], neededBy: 'the mount of rclone' },
];

/** What the benchmarks of the loader use: the peer. */
export const LOADER_BENCHMARK_PACKAGES: readonly SystemPackage[] = [
  { name: 'python3', shownBy: ['/usr/bin/python3'], neededBy: 'the loader in Python' },
  { name: 'python3-pil', shownBy: [`${PYTHON_MODULES}/PIL`], neededBy: 'its image decoder' },
];

/** What the stress tests use. */
export const STRESS_PACKAGES: readonly SystemPackage[] = [
  { name: 'python3', shownBy: ['python3'], neededBy: 'broken archives against Python' },
  { name: 'dataset-fashion-mnist', shownBy: ['/usr/share/datasets/fashion-mnist'], neededBy: 'the accuracy of the trainer' },
];

/** The packages of a list that are not installed. */
export function missingPackages(packages: readonly SystemPackage[]): SystemPackage[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const isThere = (file: string): boolean =>
    isAbsolute(file) ? existsSync(file) : folders.some((folder) => existsSync(join(folder, file)));
  return packages.filter(({ shownBy }) => !shownBy.some(isThere));
}

/** Whether this process may install Debian packages. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Installs packages with apt-get, as root, and says whether that worked. */
export async function installPackages(packages: readonly SystemPackage[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages.map(({ name }) => name)];
  // A fresh image has no package lists, and an old one names files that are gone: refresh them only when the first try fails.
  if (await runCommand('apt-get', install, { env, quiet: true, quietFailure: true })) return true;
  return (
    (await runCommand('apt-get', ['update', '-q'], { env, quiet: true })) && (await runCommand('apt-get', install, { env, quiet: true }))
  );
}

/** The command that a person types to get the packages. */
export function aptGetLine(packages: readonly SystemPackage[]): string {
  return `sudo apt-get install -y ${packages.map(({ name }) => name).join(' ')}`;
}

/** Installs what is missing of a list, or tells how a person does it. */
export async function provideSystemPackages(packages: readonly SystemPackage[]): Promise<void> {
  const missing = missingPackages(packages);
  if (missing.length === 0) return;
  if (mayInstall() && (await installPackages(missing))) return;
  throw new MissingPackagesError(missing);
}

/** Packages are missing and cannot be installed from here. */
export class MissingPackagesError extends Error {
  override readonly name = 'MissingPackagesError';
  readonly code = 'PACKAGES_MISSING';

  constructor(missing: readonly SystemPackage[]) {
    super(`needs ${missing.map(({ name }) => name).join(', ')}: ${aptGetLine(missing)}`);
  }
}
